"""The verdict of a morning, and the pictures that go with it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.evidence import events
from autoagent.records import Certificate, Copied, Effect, Outcome, Row, Running, Trial, Verdict
from autoagent.report import charts
from autoagent.report.played import Decided, Measured, Played, Recorded
from autoagent.report.results import Cell
from autoagent.report.story import Story, story

from ..evidence.test_causes import leave
from .nights import candidate, effect

TASKS = ("t1", "t2")


def certificate(found: Effect, **more: Any) -> Certificate:
    return Certificate(baseline="b", champion="c", passes=3, effect=found, optimistic=0.5, **more)


def played(*, kept: bool = True, **facts: Any) -> Played:
    """A climb whose one candidate passes t2, where the baseline passes t1 twice."""
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
    record(climb, 0, "keep", {"t1": ("passed", "passed"), "t2": ("failed", "failed")})
    fate = "keep" if kept else "discard"
    record(climb, 1, fate, {"t1": ("passed", "failed"), "t2": ("passed", "passed")})
    for name, value in facts.items():
        setattr(climb, name, value)
    return climb


def record(
    climb: Played, number: int, status: Any, outcomes: Mapping[str, tuple[Outcome, ...]]
) -> None:
    made, at = candidate(number), float(number)
    running = Running(
        id=f"e{number}", kind="full", candidate=made.id, digest=made.digest, tasks=TASKS, attempts=2
    )
    trials = [
        Trial(id=f"{task}.{n}", task=task, attempt=n, outcome=one, reward=float(one == "passed"))
        for task, found in outcomes.items()
        for n, one in enumerate(found, 1)
    ]
    verdict = Verdict(status=status, reason="passed_up", sentence="it passed more")
    event = events.EvaluationReused.model_construct(state="complete", verdict=verdict)
    measured = Measured(running, at, [*trials], decisions=[Decided(at, event)])
    climb.evaluations[running.id] = measured
    row = Row(
        commit=made.short,
        avg_score=None,
        passed=f"{sum(trial.outcome == 'passed' for trial in trials)}/4",
        task_scores={},
        cost_usd=None,
        status=status,
        description=f"edit {number}",
    )
    climb.rows.append(Recorded(at, made.id, row))


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
    gain = certificate(
        effect(0.1, 0.3, 0.5), left_out={candidate(1).id[:7]: effect(-0.1, 0.01, 0.2)}
    )
    (edit,) = told(played(certificate=gain)).edits
    assert (edit.flips.fixed, edit.flips.broken) == (("t2 0/2 to 2/2",), ("t1 2/2 to 1/2",))
    assert "(may be nothing)" in edit.adds


def test_an_edit_that_nobody_ablated_says_why() -> None:
    unmeasured = played(not_ablated={candidate(1).id[:7]: "the budget has no room for it"})
    (edit,) = told(unmeasured).edits
    assert edit.adds == "not measured: the budget has no room for it"


def test_what_may_be_nothing_has_no_price() -> None:
    assert told(played(certificate=certificate(effect(0.1, 0.3, 0.5)))).point == "2 min (certified)"
    assert told(played(certificate=certificate(effect(-0.1, 0.3, 0.5)))).point == ""


def test_a_task_that_some_attempts_pass_is_partly_passed() -> None:
    assert told(played()).matrix == {"t1": ("passed", "partly"), "t2": ("failed", "passed")}


def test_while_a_climb_runs_nothing_says_that_a_held_out_task_was_hit() -> None:
    """The page lies where the meta-agent may read it, and that it hit one would guide it."""
    copied = {candidate(1).id: (Copied(task="", file="", passages=3),)}
    assert told(played(copied=copied, ended=None)).incidents == ()
    assert "a held-out task" in told(played(copied=copied)).incidents[0]


def test_what_failed_is_told_by_what_the_verifier_said_unless_it_is_hidden(tmp_path: Path) -> None:
    climb = played()
    climb.evaluations["e1"].directories["t1.2"] = str(leave(tmp_path, [], "expected 4, got 5"))
    (cause,) = story(climb, 0.0).failing
    assert cause.what == "wrong answer: expected 4, got 5"
    climb.started = climb.started.replace(config={"benchmark": {"verifier_output": "hidden"}})
    (cause,) = story(climb, 0.0).failing
    assert cause.what == "wrong answer"


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
    climb = played()
    trials = [
        Trial(id=task, task=task, attempt=1, outcome="crashed", reward=0.0, detail=f"line {n}")
        for n, task in enumerate(TASKS)
    ]
    climb.evaluations["e1"] = Measured(
        running, 1.0, [*trials], decisions=climb.evaluations["e1"].decisions
    )
    (cause,) = told(climb).failing
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


def test_how_good_the_predictions_were_is_told() -> None:
    """Each against the incumbent of its time: a discarded candidate is nobody's yardstick."""
    climb = played(kept=False)
    record(climb, 2, "keep", {"t1": ("passed", "passed"), "t2": ("passed", "passed")})
    climb.candidates[candidate(2).id] = candidate(2)
    scores = [{"t1": 0.0, "t2": 1.0}, {"t1": 1.0, "t2": 0.0}, {"t1": 1.0, "t2": 1.0}]
    climb.rows = [
        Recorded(one.at, one.commit, one.row.replace(task_scores=found))
        for one, found in zip(climb.rows, scores, strict=True)
    ]
    climb.foretold = {candidate(n).id: (("t1",), ("t2",)) for n in (1, 2)}
    gains = dict(told(climb).gains)
    assert gains["what the meta-agent foretold"] == (
        "of tasks that an edit should fix, 2 of 2 rose (of those not named, 0 of 2); "
        "of those that it might break, 1 of 2 fell; 0 fell unforeseen"
    )
