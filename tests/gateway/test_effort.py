"""How hard a model may think belongs to the pin (threat A6)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gateway.calls.effort import effort_of

Front = Any  # tests/gateway/conftest.py
BODIES: dict[str, dict[str, Any]] = {
    "/v1/responses": {"model": "gpt-5", "input": "hi", "max_output_tokens": 100},
    "/v1/chat/completions": {"model": "gpt-5", "messages": [], "max_completion_tokens": 100},
    "/v1/messages": {"model": "claude-sonnet-4-5", "messages": [], "max_tokens": 3000},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
SAYS = st.sampled_from(["n", "service_tier", "reasoning", "reasoning_effort", "thinking", "text",
                        "verbosity", "thinking_budget", "output_config", "input"])  # fmt: skip


@pytest.mark.parametrize(
    ("body", "effort"),
    [
        ({"input": "x", "max_output_tokens": 5, "temperature": 0.3}, ""),
        ({"n": 1, "service_tier": "auto", "thinking": {"type": "disabled"}}, ""),
        ({"reasoning_effort": "high"}, "effort=high"),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, "effort=high"),
        ({"output_config": {"effort": "high"}}, "effort=high"),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}},
         "thinking.budget_tokens=9 thinking.type=enabled"),
        ({"text": {"verbosity": "low", "format": {}}}, "verbosity=low"),
        ({"verbosity": "low"}, "verbosity=low"),
        ({"n": 4, "service_tier": "flex"}, "n=4 service_tier=flex"),
        ({"n": True}, "n=true"),
        ({"reasoning": {"max_tokens": 9}}, "reasoning.max_tokens=9"),
        ({"chat_template_kwargs": {"b": 1, "a": 2}}, 'chat_template_kwargs={"a": 2, "b": 1}'),
    ],
)  # fmt: skip
def test_what_a_call_asks_for_is_one_line_however_it_is_spelled(
    body: dict[str, Any], effort: str
) -> None:
    assert effort_of(body) == effort


@given(st.dictionaries(SAYS, JSON))
def test_any_body_has_an_effort_that_can_be_shown(body: dict[str, Any]) -> None:
    found = effort_of(body)
    assert found.isprintable() and len(found) <= 200
    assert effort_of(dict(reversed(body.items()))) == found
    assert effort_of(body | {"input": "x"}) == found


def test_what_is_long_or_nested_is_told_apart_all_the_same() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    one, other = (effort_of({"thinking_config": "x" * 900 + end}) for end in "ab")
    assert one != other and len(one) < 120
    assert effort_of({"thinking_config": deep}) == "thinking_config=what is nested too deeply"


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.rule("A6")
@pytest.mark.attack("A6.9", ending="refused", what="asks the pinned model to think harder")
async def test_another_effort_than_the_baselines_is_refused_and_told(
    front: Front, fake: Any, path: str
) -> None:
    """The same question at a higher effort is another player."""
    body, harder = BODIES[path], {"reasoning_effort": "high"}
    if path == "/v1/messages":
        harder = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    async with front(efforts=()) as f:
        plain = await f.post(path, body)
        more = await f.post(path, body | harder)
        many = await f.post(path, body | {"n": 3})
        bill = f.bill()

    name = body["model"]
    assert (plain.status_code, more.status_code, many.status_code) == (200, 403, 403)
    assert "how hard a model may think is pinned to what the baseline asked for" in more.text
    assert len(fake.calls) == 1
    assert bill.use.efforts == (f"{name}: as it does by itself",)
    if path == "/v1/chat/completions":  # the others know of no `n`, and it is not passed on
        assert f"{name}: n=3" in bill.use.refused_models
    assert [model for _, model, _ in f.refused] == [*bill.use.refused_models]


async def test_what_the_baseline_asked_for_is_asked_again_in_another_form(
    front: Front, fake: Any
) -> None:
    """By whatever name of the model; and less than that is another effort too."""
    async with front(efforts=("gpt-5: effort=high", "gpt-5: effort=low")) as f:
        codes = [
            (await f.post(path, BODIES[path] | {"model": model} | said)).status_code
            for path, model, said in (
                ("/v1/chat/completions", "gpt-5", {"reasoning_effort": "high"}),
                ("/v1/responses", "gpt-5-2025-08-07", {"reasoning": {"effort": "low"}}),
                ("/v1/responses", "gpt-5", {"reasoning": {"effort": "minimal"}}),
                ("/v1/responses", "gpt-5", {}),
                ("/v1/messages", "claude-sonnet-4-5", {}),  # of another model nothing is known
                ("/v1/messages", "claude-sonnet-4-5", {"output_config": {"effort": "high"}}),
            )
        ]
    assert codes == [200, 200, 403, 403, 200, 403]


async def test_without_a_pin_what_was_asked_for_is_counted(front: Front, fake: Any) -> None:
    async with front() as f:
        for effort in ("high", "low", "high"):
            await f.post("/v1/responses", BODIES["/v1/responses"] | {"reasoning_effort": effort})
        embedded = await f.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"})
        bill = f.bill()

    assert embedded.status_code == 200
    assert bill.use.efforts == ("gpt-5: effort=high", "gpt-5: effort=low")
    assert bill.use.refused_models == ()
