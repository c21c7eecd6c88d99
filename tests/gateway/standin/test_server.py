"""The stand-in over the wire, through the providers' own clients."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from autoagent.errors import InfrastructureFault
from autoagent.gateway.standin.rules import Rules
from autoagent.gateway.standin.server import running, serve

RULES = Rules.model_validate(
    {
        "call": [{"tool": "look", "arguments": {"where": "here"}, "unless": {"results": "."}}],
        "say": [{"text": "I see a long answer, longer than one chunk of a stream is."}],
    }
)
SAID = RULES.say[0].text
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"where": {"type": "string"}},
    "required": ["where"],
}
FUNCTION: Any = {"name": "look", "description": "Look.", "parameters": SCHEMA}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(RULES) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def test_responses_have_text_tokens_and_a_label(client: openai.OpenAI) -> None:
    whole = client.responses.create(model="gpt-5", input="hello")
    with client.responses.stream(model="gpt-5", input="hello") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        streamed = stream.get_final_response()

    assert whole.output_text == streamed.output_text == "".join(deltas) == SAID
    assert len(deltas) > 1
    assert whole.model == streamed.model == "gpt-5-stand-in"
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.output_tokens) == (3, 15)


def test_responses_call_a_tool(client: openai.OpenAI) -> None:
    offered: Any = [{"type": "function", **FUNCTION}]

    (call,) = client.responses.create(model="gpt-5", input="hello", tools=offered).output

    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("look", '{"where": "here"}')


def test_chat_completions_call_a_tool_then_answer(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    offered: Any = [{"type": "function", "function": FUNCTION}]

    first = client.chat.completions.create(model="gpt-5", messages=messages, tools=offered)
    (call,) = first.choices[0].message.tool_calls or []
    messages += [
        first.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "y"},
    ]
    parts = list(
        client.chat.completions.create(
            model="gpt-5",
            messages=messages,
            tools=offered,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    assert first.model == parts[-1].model == "gpt-5-stand-in"
    assert "".join(p.choices[0].delta.content or "" for p in parts if p.choices) == SAID
    assert first.usage is not None
    assert parts[-1].usage is not None
    assert parts[-1].usage.prompt_tokens > first.usage.prompt_tokens


def test_messages_call_a_tool_then_answer(claude: anthropic.Anthropic) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    offered: Any = [{"name": "look", "description": "Look.", "input_schema": SCHEMA}]
    common: Any = {"model": "claude", "max_tokens": 99, "tools": offered}

    first = claude.messages.create(messages=messages, **common)
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "y"}
    messages += [
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    with claude.messages.stream(messages=messages, **common) as stream:
        last = stream.get_final_message()

    assert first.stop_reason == "tool_use"
    assert call.input == {"where": "here"}
    assert [block.text for block in last.content if block.type == "text"] == [SAID]
    assert first.model == last.model == "claude-stand-in"
    assert last.usage.input_tokens > first.usage.input_tokens > 0


def test_tokens_are_counted_before_they_are_spent(claude: anthropic.Anthropic) -> None:
    messages: Any = [{"role": "user", "content": "hello"}]
    counted = claude.messages.count_tokens(model="claude", messages=messages)
    spent = claude.messages.create(model="claude", max_tokens=9, messages=messages)

    assert counted.input_tokens == spent.usage.input_tokens


def test_it_listens_on_loopback_only(url: str) -> None:
    assert httpx2.URL(url).host == "127.0.0.1"


def test_a_taken_port_is_told(url: str, tmp_path: Any) -> None:
    (tmp_path / "standin.toml").write_text("")

    with pytest.raises(InfrastructureFault, match=r"Port \d+ .*in use.*--port"):
        serve(tmp_path / "standin.toml", int(url.rsplit(":", 1)[1]), print)
