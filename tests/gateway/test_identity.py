"""Which model answered: another one is told, and a snapshot of the pinned one is none."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from typing import Any

import fake_providers  # pyright: ignore[reportMissingImports]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.commands.after.verify import audit
from autoagent.evidence.events import ModelAnswered
from autoagent.evidence.journal import Journal
from autoagent.gateway.identity import same, troubles
from autoagent.referee.ending.worth import worth
from autoagent.referee.referee import Referee
from autoagent.report.incidents import incidents
from autoagent.report.played import last_climb
from autoagent.worker.scripted import ScriptedEngine

from ..referee.playing import ALL, ONE, propose, settle, with_baseline

NAMES = st.from_regex(r"[a-z][a-z0-9.]{0,8}(-[a-z][a-z0-9.]{0,6}){0,3}", fullmatch=True).filter(
    lambda name: not name.endswith(("-latest", "-stand-in"))
)
DATES = st.dates()


@given(NAMES, DATES, st.sampled_from(["-%Y-%m-%d", "-%Y%m%d"]), st.sampled_from(["", "openai/"]))
def test_a_dated_snapshot_is_the_model_whichever_side_names_it(
    name: str, date: Any, form: str, front: str
) -> None:
    dated = f"{front}{name}-{date.isoformat() if form == '-%Y-%m-%d' else f'{date:%Y%m%d}'}"
    dated = dated if date.year > 999 else f"{name}-2024-07-18"
    for one, other in ((name, dated), (f"{name}-latest", dated), (name.upper(), dated)):
        assert same(one, other)
        assert same(other, one)
        assert troubles([(one, other)]) == []


@given(NAMES, DATES, DATES)
def test_two_dates_are_two_models(name: str, one: Any, other: Any) -> None:
    first, second = (f"{name}-{date.isoformat()}" for date in (one, other))
    assert same(first, second) is (one == other)
    changed = troubles([(name, first), (name, second), (name, first)])
    assert len(changed) == (one != other)


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_names_are_judged_alike_from_both_sides(one: str, other: str) -> None:
    assert same(one, other) is same(other, one)
    assert same(one, one)
    assert len(troubles([(one, other)])) == (not same(one, other))


@pytest.mark.parametrize(
    ("asked", "answered", "is_same"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18", True),
        ("openai/gpt-4o", "gpt-4o", True),
        ("meta-llama/Llama-3-8B", "llama-3-8b", True),
        ("gpt-5", "gpt-5-stand-in", True),
        ("gpt-5", "", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "gpt-4o-mini-2024-07-18", False),
        ("meta-llama/Llama-3-8B", "mine/llama-3-8b", False),
        ("claude-sonnet-4-5", "claude-sonnet-4-20250514", False),
        ("gpt-4o", "notgpt-4o", False),
    ],
)
def test_names_of_one_model(asked: str, answered: str, is_same: bool) -> None:
    assert same(asked, answered) is is_same


async def test_each_answer_says_which_model_it_is_of(
    front: Callable[..., AbstractAsyncContextManager[Any]], fake: Any
) -> None:
    """Streamed or whole; what is refused or fails names nobody."""
    body = {"model": "gpt-5", "input": ""}
    async with front() as f:
        await f.post("/v1/responses", body)
        await f.post("/v1/responses", {**body, "stream": True})
        await f.post("/v1/responses", {**body, "model": "gpt-4"})
        other = {"model": "cheap-1", "output": [], "usage": {"input_tokens": 1}}
        fake.script.append(fake_providers.Scripted(200, body=json.dumps(other).encode()))
        await f.post("/v1/responses", body)
    assert f.answered == [("gpt-5", "gpt-5"), ("gpt-5", "gpt-5"), ("gpt-5", "cheap-1")]


def test_another_model_is_told_in_status_report_and_certificate(
    open_referee: Callable[[Any], Referee], workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, ALL, ALL))
    with_baseline(referee)
    with closing(Journal(referee.workspace.journal)) as worker:
        for name in ("gpt-5-2025-08-07", "cheap-1", "gpt-5-2026-01-01"):
            worker.append(ModelAnswered(model="gpt-5", answered_by=name), "e3")
    other = "gpt-5 was asked and cheap-1 answered"
    changed = "changed in mid-climb, from its snapshot of 20250807 to that of 20260101"
    notes = "\n".join(referee.status().notes)
    assert other in notes
    assert changed in notes
    assert propose(referee, workspace).status == "keep"
    referee.finish_climb()
    settle(referee)
    assert other in worth(referee.status())
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        assert audit(journal, None).problems == ()
        (told,) = [line for line in incidents(last_climb(journal)) if "may have answered" in line]
    assert other in told
    assert changed in told
