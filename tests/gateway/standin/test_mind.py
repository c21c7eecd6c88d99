"""The stand-in's rules: what it does depends on the prompt, the tools and what was said."""

from pathlib import Path
from typing import Any

import pytest

from autoagent.errors import ConfigError
from autoagent.gateway.standin.conversation import read
from autoagent.gateway.standin.mind import Turn, think
from autoagent.gateway.standin.rules import CallRule, Rules, load_rules

RULES = Rules.model_validate(
    {
        "words": "^> ?(.*)$",
        "fact": [
            {"name": "user", "in": "instruction", "pattern": r"Signed in: (\S+)"},
            {"name": "credits", "in": "results", "pattern": r"(\d+) credits"},
        ],
        "argument": [{"name": "user.*|customer", "value": "{user}"}],
        "call": [{"tool": ".*credits", "when": {"message": "credits?"}}],
        "say": [
            {"text": "You have {credits} credits."},
            {"text": "You have plenty.", "unknown": ["credits"], "when": {"message": "credit"}},
            {"text": "You can enhance a photo.", "when": {"prompt": "next step"}},
        ],
    }
)
ASKED = "Answer the customer. Signed in: ada\n> How many credits\n> do I have?"


def tool(name: str, *parameters: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {p: {} for p in parameters}, "required": parameters}
    return {"type": "function", "name": name, "parameters": schema}


def ask(*items: dict[str, Any], prompt: str = "", tools: tuple[Any, ...] = ()) -> Turn:
    said = [{"role": "user", "content": ASKED}, *items]
    return think(RULES, read({"instructions": prompt, "input": said, "tools": list(tools)}))


def test_it_calls_a_tool_that_is_offered_and_fills_its_parameters_by_name() -> None:
    turn = ask(tools=(tool("check_credits", "user_id"),))

    assert turn == Turn(tool="check_credits", arguments={"user_id": "ada"})


def test_without_the_tool_it_guesses() -> None:
    assert ask(tools=(tool("search", "query"),)).text == "You have plenty."


def test_a_tool_with_a_parameter_it_cannot_fill_is_not_called() -> None:
    assert ask(tools=(tool("check_credits", "account_number"),)).text == "You have plenty."


def test_it_says_what_a_tool_returned_and_does_not_ask_again() -> None:
    call = {"type": "function_call", "name": "check_credits", "arguments": '{"user_id": "ada"}'}
    output = {"type": "function_call_output", "output": "42 credits"}

    turn = ask(call, output, tools=(tool("check_credits", "user_id"),))

    assert turn == Turn(text="You have 42 credits.")


def test_a_prompt_that_asks_for_more_gets_more() -> None:
    assert ask(prompt="Say the next step.").text == "You have plenty. You can enhance a photo."


def test_an_answer_that_stands_alone_ends_the_search() -> None:
    rules = Rules.model_validate(
        {"say": [{"text": "a", "alone": True}, {"text": "b", "unless": {"prompt": "x"}}]}
    )

    assert think(rules, read({"input": "hello"})).text == "a"


def test_what_holds_in_one_part_is_enough_to_keep_a_rule_back() -> None:
    rules = Rules.model_validate(
        {"say": [{"text": "a", "unless": {"prompt": "quiet", "message": "no a"}}, {"text": "b"}]}
    )

    assert think(rules, read({"input": "hello"})).text == "a b"
    assert think(rules, read({"input": "hello", "instructions": "Be QUIET."})).text == "b"


def test_a_condition_has_to_hold_in_every_part_it_names() -> None:
    rules = Rules.model_validate({"say": [{"text": "a", "when": {"prompt": "x", "told": "y"}}]})

    assert think(rules, read({"input": "y", "instructions": "x"})).text == "a"
    assert think(rules, read({"input": "y"})).text == rules.otherwise


def test_where_answers_go_by_a_tool_the_last_call_sends_what_it_would_say() -> None:
    reply = {"tool": "reply", "arguments": {"text": "{said}", "facts": "credits: {credits}"}}
    guess = {"tool": "reply", "arguments": {"text": "{said}", "facts": ""}}
    calls = [CallRule.model_validate(call) for call in (reply, guess)]
    rules = RULES.model_copy(update={"call": (*RULES.call, *calls)})
    tools = [tool("check_credits", "user_id"), tool("reply", "text", "facts")]
    call = {"type": "function_call", "name": "check_credits", "arguments": '{"user_id": "ada"}'}
    output = {"type": "function_call_output", "output": "42 credits"}
    asked = {"role": "user", "content": ASKED}

    looked_up = think(rules, read({"input": [asked, call, output], "tools": tools}))
    guessed = think(rules, read({"input": [asked], "tools": tools[1:]}))

    assert looked_up.tool == "reply"
    assert looked_up.arguments == {"text": "You have 42 credits.", "facts": "credits: 42"}
    assert guessed.arguments == {"text": "You have plenty.", "facts": ""}


def test_where_no_rule_applies_it_says_that_it_is_a_stand_in() -> None:
    assert "stand-in" in think(Rules.model_validate({}), read({"input": "hello"})).text


CALL = ("check_credits", {"user": "ada"})
DEFINED = {"type": "object", "properties": {"user": {"type": "string"}}, "required": ["user"]}
FORMS: dict[str, dict[str, Any]] = {
    "responses": {
        "instructions": "Be kind.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "name": "check_credits", "arguments": '{"user": "ada"}'},
            {"type": "function_call_output", "output": "42 credits"},
        ],
        "tools": [{"type": "function", "name": "check_credits", "parameters": DEFINED}],
    },
    "chat": {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "hello"},
            {
                "role": "assistant",
                "tool_calls": [
                    {"function": {"name": "check_credits", "arguments": '{"user": "ada"}'}}
                ],
            },
            {"role": "tool", "content": "42 credits"},
        ],
        "tools": [{"function": {"name": "check_credits", "parameters": DEFINED}}],
    },
    "messages": {
        "system": [{"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": "hello"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "name": "check_credits", "input": CALL[1]}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "content": [{"type": "text", "text": "42 credits"}]}
                ],
            },
        ],
        "tools": [{"name": "check_credits", "input_schema": DEFINED}],
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_every_wire_format_is_the_same_conversation(form: str) -> None:
    found = read({"model": "m", **FORMS[form]})

    assert (found.prompt, found.instruction, found.results) == ("Be kind.", "hello", "42 credits")
    assert found.calls == (CALL,)
    assert [(one.name, *one.parameters, *one.required) for one in found.tools] == [
        ("check_credits", "user", "user")
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": None, "tools": None},
        {"input": [1, None, {"role": "user"}]},
        {"messages": [{"role": "assistant", "tool_calls": [{}]}], "tools": [{}, "x"]},
        {"input": [{"type": "function_call", "name": 1, "arguments": "not JSON"}]},
    ],
)
def test_a_request_it_cannot_make_sense_of_is_answered_all_the_same(body: dict[str, Any]) -> None:
    assert think(RULES, read(body)).text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[call]]\ntool = '('\n", "call.1.tool.*not a regular expression"),
        ("[[cal]]\n", "`cal` is not known; .*argument, call, say"),
        ("[[fact]]\nname = 'x'\nin = 'nowhere'\npattern = 'x'\n", "fact.1.in"),
        ("x = ", "not valid TOML"),
    ],
)
def test_a_mistake_in_a_rules_file_is_told_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "standin.toml").write_text(text)

    with pytest.raises(ConfigError, match=said):
        load_rules(tmp_path / "standin.toml")


def test_a_missing_rules_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"standin\.toml cannot be read"):
        load_rules(tmp_path / "standin.toml")
