"""The verdict of a morning, and the pictures that go with it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.evidence import events
from autoagent.records import Candidate, Certificate, Effect, Row, RowStatus, Running, Trial
from autoagent.report import charts
from autoagent.report.played import Measured, Played, Recorded
from autoagent.report.story import Cell, Story, story

TASKS = ("t1", "t2")


def candidate(number: int) -> Candidate:
    return Candidate(
        id=f"{number:040x}", digest=f"d{number}", parent=None, description="", complexity=1
    )


def effect(low: float, difference: float, high: float) -> Effect:
    return Effect(
        tasks=2, pairs=6, before=0.5, after=0.5, difference=difference, low=low, high=high
    )


def certificate(found: Effect, **more: Any) -> Certificate:
    return Certificate(baseline="b", champion="c", passes=3, effect=found, optimistic=0.5, **more)


def row(number: int, status: RowStatus, scores: Mapping[str, float | None]) -> Recorded:
    passed = sum(score == 1 for score in scores.values())
    return Recorded(
        float(number),
        f"{number:040x}",
        Row(
            commit=f"{number:07x}",
            avg_score=None,
            passed=f"{passed}/{len(scores)}",
            task_scores=scores,
            cost_usd=None,
            status=status,
            description=f"edit {number}",
        ),
    )


def played(*, kept: bool = True, **facts: Any) -> Played:
    started = events.ClimbStarted(
        tag="night",
        snapshot="s",
        tasks=TASKS,
        excluded={},
        baseline=candidate(0),
        model=None,
        head="f" * 40,
        isolation="sandbox",
    )
    climb = Played(started, 0.0, TASKS, ended=3600.0)
    climb.candidates = {candidate(n).id: candidate(n) for n in range(2)}
    climb.rows = [
        row(0, "keep", {"t1": 1.0, "t2": 0.0}),
        row(1, "keep" if kept else "discard", {"t1": 0.5, "t2": 1.0}),
    ]
    for name, value in facts.items():
        setattr(climb, name, value)
    return climb


def told(climb: Played) -> Story:
    return story(climb, now=7200.0)


@pytest.mark.parametrize(
    ("facts", "headline", "said"),
    [
        ({"certificate": certificate(effect(0.1, 0.3, 0.5))}, "READY", "+30.0 points"),
        ({"certificate": certificate(effect(-0.1, 0.2, 0.5))}, "NO REAL GAIN", "may be nothing"),
        ({"certificate": certificate(effect(0.0, 0.2, 0.5))}, "NO REAL GAIN", "may be nothing"),
        ({"certificate": certificate(effect(-0.5, -0.3, -0.1))}, "NO REAL GAIN", "is worse"),
        (
            {"certificate": certificate(effect(0.1, 0.3, 0.5), holdout=effect(-0.2, 0.0, 0.2))},
            "NEEDS ATTENTION",
            "held-out",
        ),
        (
            {"certificate": certificate(effect(0.1, 0.3, 0.5), stand_in=True)},
            "NEEDS ATTENTION",
            "STAND-IN",
        ),
        (
            {"certificate": certificate(effect(0.1, 0.3, 0.5)), "refused_models": ["gpt-9"]},
            "NEEDS ATTENTION",
            "incidents",
        ),
        ({"uncertified": "no budget was left"}, "NEEDS ATTENTION", "no budget was left"),
        ({"uncertified": "nothing was kept", "kept": False}, "NO REAL GAIN", "No edit was kept"),
        ({"ended": None}, "RUNNING", "2 rows so far"),
    ],
)
def test_the_headline_is_the_certificates_and_never_the_searchs(
    facts: dict[str, Any], headline: str, said: str
) -> None:
    found = told(played(**facts))
    assert found.headline == headline
    assert said in found.sentence


def test_a_kept_edit_tells_its_tasks_and_its_ablation() -> None:
    gain = certificate(effect(0.1, 0.3, 0.5), left_out={f"{1:07x}": effect(-0.1, 0.01, 0.2)})
    (edit,) = told(played(certificate=gain)).edits
    assert (edit.up, edit.down) == (("t2",), ("t1",))
    assert "(may be nothing)" in edit.adds


def test_held_out_tasks_are_never_named() -> None:
    hidden = Running(
        id="e9", kind="certify", candidate="c", digest="d1", tasks=("secret",), attempts=1,
        hidden=True,
    )  # fmt: skip
    trial = Trial(id="x", task="secret", attempt=0, outcome="tampered", reward=0.0)
    climb = played(evaluations={"e9": Measured(hidden, 1.0, [trial])})
    assert "secret" not in repr(told(climb))
    assert "a held-out task (1)" in told(climb).incidents[0]


def test_failures_that_differ_by_a_number_are_one_cause() -> None:
    running = Running(id="e1", kind="full", candidate="c", digest="d1", tasks=TASKS, attempts=1)
    trials = [
        Trial(id=task, task=task, attempt=0, outcome="crashed", reward=0.0, detail=f"line {n}")
        for n, task in enumerate(TASKS)
    ]
    (cause,) = told(played(evaluations={"e1": Measured(running, 1.0, trials)})).failing
    assert (cause.what, cause.tasks) == ("crashed: line 0", TASKS)


CELLS: list[Cell] = ["passed", "partly", "failed", "not run"]
_RUN = re.compile(r"m(-?\d+) (\d+)h(\d+)")


@given(st.integers(0, 9).flatmap(lambda width: st.dictionaries(
    st.text(min_size=1, max_size=3),
    st.lists(st.sampled_from(CELLS), min_size=width, max_size=width), max_size=6,
)))  # fmt: skip
def test_the_matrix_draws_each_cell_once(cells: dict[str, list[Cell]]) -> None:
    drawn = charts.matrix(cells)
    order = [task for task, _ in drawn.rows]
    assert sorted(order) == sorted(cells)
    found: dict[tuple[int, int], str] = {}
    for kind, path in drawn.paths.items():
        x = y = 0
        for right, down, length in (map(int, run) for run in _RUN.findall(path)):
            x, y = x + right, y + down
            for at in range(x, x + length):
                assert (at, y) not in found
                found[at, y] = kind
            x += length
    assert found == {
        (x, y): kind
        for y, task in enumerate(order)
        for x, kind in enumerate(cells[task])
        if kind != "not run"
    }
