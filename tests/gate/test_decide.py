"""From trials to a verdict and its sentence."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.config import Gate
from autoagent.gate.contests import contest_for
from autoagent.gate.decide import (
    decide,
    decide_again,
    deciding_attempts,
    score_of,
    state_of,
)
from autoagent.gate.simplicity import is_simpler
from autoagent.records import (
    Candidate,
    EvaluationKind,
    EvaluationState,
    GateRule,
    Outcome,
    Running,
    Score,
    Side,
    Standing,
    Trial,
    Verdict,
)

TASKS = tuple(f"task-{n}" for n in range(14))
OUTCOMES: dict[str, Outcome] = {
    "+": "passed",
    "-": "failed",
    "x": "crashed",
    "o": "void",
}


def trials(*passes: str, rival: Sequence[str] = ()) -> list[Trial]:
    """A letter a task: + passed, - failed, x crashed, o void; a shorter pass was stopped."""
    return [
        Trial(
            id=f"e2.{side}.{task}.{number}",
            task=task,
            attempt=number,
            side=side,
            outcome=OUTCOMES[letter],
            reward=None if letter == "o" else float(letter == "+"),
        )
        for side, rows in (("", passes), ("incumbent", ("", *rival)))
        for number, row in enumerate(rows, start=1)
        for task, letter in zip(TASKS, row, strict=False)
    ]


def row(passed: int, of: int = 14) -> str:
    return "+" * passed + "-" * (of - passed)


def candidate(complexity: int) -> Candidate:
    return Candidate(id="c" * 40, digest="d", parent=None, description="", complexity=complexity)


def incumbent(passed: int = 5, complexity: int = 500) -> Standing:
    score = Score(
        passed=passed,
        expected=14,
        void=0,
        avg_score=passed / 14,
        task_scores={},
        cost_usd=None,
        seconds=1.0,
        crashed=0,
    )
    return Standing(candidate=candidate(complexity), evaluation="e1", score=score)


def running(
    rule: GateRule = "strict",
    complexity: int = 600,
    against: Standing | None = None,
    kind: EvaluationKind = "full",
    passes: int = 2,
) -> Running:
    gate = Gate.model_validate({"rule": rule, "passes": passes})
    contest = contest_for(gate, candidate(complexity), against or incumbent())
    return Running(
        id="e2",
        kind=kind,
        candidate="c" * 40,
        digest="d",
        tasks=TASKS,
        attempts=1,
        passes=2 if kind == "baseline" else 1,
        contest=contest if kind == "full" else None,
        against=() if rule == "strict" else (Side(name="incumbent", candidate="i", digest="i"),),
    )


def verdict(
    around: Running,
    seen: Sequence[Trial],
    against: Standing | None = None,
    complexity: int = 600,
    state: EvaluationState = "complete",
) -> Verdict:
    measured = Standing(
        candidate=candidate(complexity),
        evaluation="e2",
        score=score_of(around, seen, seconds=1.0),
    )
    found = decide(around, state_of(state, around, seen), seen, measured, against or incumbent())
    assert found is not None
    return found


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("seen", "complexity", "state", "reason", "sentence"),
    [
        (row(7), 900, "complete", "passed_up", "passed 7/14, was 5/14"),
        (row(4), 100, "complete", "passed_down", "passed 4/14, was 5/14"),
        (
            row(5),
            490,
            "complete",
            "simpler",
            "passed 5/14, as before, and simpler: complexity 490, was 500",
        ),
        (
            row(5),
            491,
            "complete",
            "not_simpler",
            "passed 5/14, as before, and not simpler: complexity 491, was 500 "
            "(simpler is 490 or less)",
        ),
        (
            "-" * 9,
            600,
            "pruned",
            "pruned",
            "stopped after 9/14 trials, 0 passed: at most 5 could pass, and a keep takes "
            "more than 5, as it is not simpler: complexity 600, was 500 (simpler is 490 or less)",
        ),
        (
            "+" + "-" * 10,
            490,
            "pruned",
            "pruned",
            "stopped after 11/14 trials, 1 passed: at most 4 could pass, and a keep takes 5",
        ),
        (
            "x" * 14,
            600,
            "complete",
            "crashed",
            "all 14 trials that ran crashed; the incumbent passed 5/14",
        ),
        (
            "x" * 9,
            600,
            "pruned",
            "crashed",
            "all 9 trials that ran crashed; the incumbent passed 5/14",
        ),
        ("x" * 13 + "-", 600, "complete", "passed_down", "passed 0/14, was 5/14"),
        (
            row(13, 13) + "o",
            100,
            "complete",
            "indecisive",
            "13/14 trials measured, 1 void: only a full suite decides",
        ),
        (
            row(9, 9) + "ooooo",
            600,
            "cancelled",
            "cancelled",
            "cancelled with 9/14 trials measured: only a full suite decides",
        ),
        (
            row(9, 9),
            600,
            "out_of_time",
            "out_of_time",
            "out of time with 9/14 trials measured: only a full suite decides",
        ),
    ],
    ids=[
        "more",
        "fewer",
        "simpler",
        "as many",
        "pruned",
        "pruned though simpler",
        "crash",
        "crash when stopped",
        "nearly all crash",
        "void",
        "cancelled",
        "out of time",
    ],
)
def test_strict_decides_by_the_upstream_rule(
    seen: str, complexity: int, state: EvaluationState, reason: str, sentence: str
) -> None:
    """Keep if passed improved; keep if equal and simpler; else discard (rules R4, R5, R9)."""
    found = verdict(running("strict", complexity), trials(seen), None, complexity, state)

    assert (found.reason, found.sentence) == (reason, sentence)
    assert found.keep == (reason in ("passed_up", "simpler"))
    assert (found.status == "crash") == (reason == "crashed")


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("rule", "own", "rival", "state", "reason", "sentence"),
    [
        (
            "confirm",
            [row(7), row(6)],
            [row(5)],
            "complete",
            "passed_up",
            "passed 7/14, was 5/14; pass 2: 6 against 5 of the incumbent",
        ),
        (
            "confirm",
            [row(7), row(6)],
            [row(6)],
            "complete",
            "not_confirmed",
            "passed 7/14, was 5/14; pass 2: 6 against 6 of the incumbent: not confirmed",
        ),
        (
            "confirm",
            [row(7), "-" * 9],
            [row(5, 9)],
            "pruned",
            "not_confirmed",
            "passed 7/14, was 5/14; pass 2: 0 against 5 of the incumbent when it was stopped: "
            "not confirmed",
        ),
        (
            "confirm",
            [row(7), row(14)],
            ["o" + row(5, 13)],
            "complete",
            "indecisive",
            "14/14 trials measured, 0 void: only a full suite decides",
        ),
        (
            "anytime",
            [row(7), row(13)],
            [row(5)],
            "complete",
            "passed_up",
            "passed 7/14, was 5/14; over a fresh pass of both sides it won 8 pairs and lost 0, "
            "evidence 22.1 of 5.0",
        ),
        (
            "anytime",
            [row(7), row(5)],
            [row(5)],
            "complete",
            "not_confirmed",
            "passed 7/14, was 5/14; over a fresh pass of both sides it won 0 pairs and lost 0, "
            "evidence 1.0 of 5.0: not confirmed",
        ),
    ],
    ids=["confirmed", "a tie", "stopped", "a rival void", "enough evidence", "level"],
)
def test_fresh_passes_decide_what_won_the_first(
    rule: GateRule,
    own: list[str],
    rival: list[str],
    state: EvaluationState,
    reason: str,
    sentence: str,
) -> None:
    """Both sides measured afresh, and every trial of them needed (rules R5, R9)."""
    found = verdict(running(rule), trials(*own, rival=rival), state=state)

    assert (found.reason, found.sentence) == (reason, sentence)


@pytest.mark.rule("R3", "R5")
def test_a_score_is_of_the_last_whole_pass() -> None:
    """Every earlier one was selected by what came after it (rule R3)."""
    around = running("confirm")

    assert deciding_attempts(around, trials(row(7))) == range(1, 2)
    assert deciding_attempts(around, trials(row(7), row(6), rival=[row(5)])) == range(2, 3)
    assert deciding_attempts(around, trials(row(7), row(6, 9), rival=[row(5)])) == range(1, 2)
    assert deciding_attempts(around, trials(row(7, 9))) == range(1, 2)
    assert score_of(around, trials(row(7), row(6), rival=[row(5)]), seconds=1.0).passed == 6


@pytest.mark.rule("R2")
def test_a_baseline_is_scored_by_its_first_pass() -> None:
    """The second only sizes the noise: a mean of both would be another measurement (rule R2)."""
    around = running(kind="baseline")

    assert score_of(around, trials(row(7), row(9)), seconds=1.0).passed == 7


@pytest.mark.rule("R2")
@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        (row(5), "the baseline passed 5/14"),
        (row(0), "the baseline passed 0/14"),
        ("x" * 14, "the baseline passed 0/14, 14 crashed"),
    ],
)
def test_the_baseline_is_kept_whatever_it_scored(first: str, sentence: str) -> None:
    """It is the yardstick, so a bad one is kept too (rule R2)."""
    found = verdict(running(kind="baseline"), trials(first, row(5)))

    assert found == Verdict(status="keep", reason="baseline", sentence=sentence)


@pytest.mark.rule("R2", "R4")
@pytest.mark.parametrize(
    ("kind", "state"), [("baseline", "indecisive"), ("subset", "complete"), ("noop", "complete")]
)
def test_what_is_no_whole_baseline_and_no_full_suite_decides_nothing(
    kind: EvaluationKind, state: EvaluationState
) -> None:
    """A yardstick with a void trial is measured again (rules R2, R4)."""
    around, seen = running(kind=kind), trials(row(5))
    measured = Standing(
        candidate=candidate(1), evaluation="e2", score=score_of(around, seen, seconds=1.0)
    )

    assert decide(around, state, seen, measured, incumbent()) is None


counts = st.integers(0, 14)


@pytest.mark.rule("R5")
@settings(deadline=None)
@given(counts, counts, st.integers(0, 1000), st.integers(0, 1000))
def test_a_keep_means_more_passed_or_as_many_and_simpler(
    now: int, was: int, complexity: int, before: int
) -> None:
    """And nothing else ever does (rule R5)."""
    against = incumbent(was, before)
    found = verdict(running("strict", complexity, against), trials(row(now)), against, complexity)

    assert found.keep == (now > was or (now == was and is_simpler(complexity, before)))


@pytest.mark.rule("R9")
@settings(deadline=None)
@given(
    st.sampled_from(["strict", "confirm", "anytime"]),
    counts,
    st.integers(1, 14),
    st.integers(0, 1000),
)
def test_a_candidate_with_a_void_trial_is_never_kept(
    rule: GateRule, was: int, void: int, complexity: int
) -> None:
    """An infrastructure fault must never help (rule R9, threat E3)."""
    against = incumbent(was)
    seen = trials(row(14 - void, 14 - void) + "o" * void)

    assert not verdict(running(rule, complexity, against), seen, against, complexity).keep


@pytest.mark.rule("R5")
def test_a_harness_that_always_crashes_is_not_kept_for_being_simpler() -> None:
    """Against an incumbent that passed nothing, an empty file would be simpler (rule R5)."""
    against = incumbent(0)
    found = verdict(running("strict", 1, against), trials("x" * 14), against, 1)

    assert (found.status, found.reason) == ("crash", "crashed")


@pytest.mark.rule("R8")
@pytest.mark.parametrize(
    ("rule", "seen", "state", "reason"),
    [
        ("strict", trials(row(9)), "complete", "passed_up"),
        ("strict", trials(row(7)), "complete", "passed_down"),
        ("strict", trials("-" * 9), "pruned", "pruned"),
        ("strict", trials("-" * 3), "pruned", "measured_before"),
        ("strict", trials("-" * 9), "cancelled", "cancelled"),
        ("confirm", trials(row(9), row(9), rival=[row(5)]), "complete", "measured_before"),
        ("anytime", trials(row(9), row(9), rival=[row(5)]), "complete", "measured_before"),
    ],
)
def test_content_measured_before_is_held_against_the_incumbent_of_today(
    rule: GateRule, seen: list[Trial], state: EvaluationState, reason: str
) -> None:
    """By strict, where a whole pass was measured; fresh passes are not repeated (rule R8)."""
    around, today = running(rule), incumbent(8)
    contest = contest_for(Gate.model_validate({"rule": rule}), candidate(600), today)
    measured = Standing(
        candidate=candidate(600), evaluation="e2", score=score_of(around, seen, seconds=1.0)
    )

    assert decide_again(around, state, seen, measured, today, contest).reason == reason
