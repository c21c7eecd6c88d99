"""The strict gate: more passed, or as many and simpler."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gate.simplicity import is_simpler
from autoagent.gate.strict import decide, decide_baseline, undecided
from autoagent.records import Candidate, EvaluationState, Score, Standing, Verdict


def measured(passed: int, expected: int = 14, *, void: int = 0, crashed: int = 0) -> Score:
    return Score(
        passed=passed,
        expected=expected,
        void=void,
        avg_score=passed / expected,
        task_scores={f"task-{n}": None for n in range(expected)},
        cost_usd=None,
        seconds=1.0,
        crashed=crashed,
    )


def standing(score: Score, complexity: int = 500) -> Standing:
    candidate = Candidate(
        id="c" * 40, digest="d", parent=None, description="", complexity=complexity
    )
    return Standing(candidate=candidate, evaluation="e1", score=score)


INCUMBENT = standing(measured(5))


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (
            standing(measured(7), 900),
            Verdict(status="keep", reason="passed_up", sentence="passed 7/14, was 5/14"),
        ),
        (
            standing(measured(4), 100),
            Verdict(status="discard", reason="passed_down", sentence="passed 4/14, was 5/14"),
        ),
        (
            standing(measured(5), 490),
            Verdict(
                status="keep",
                reason="simpler",
                sentence="passed 5/14, as before, and simpler: complexity 490, was 500",
            ),
        ),
        (
            standing(measured(5), 491),
            Verdict(
                status="discard",
                reason="not_simpler",
                sentence="passed 5/14, as before, and not simpler: complexity 491, was 500 "
                "(simpler is 490 or less)",
            ),
        ),
        (
            standing(measured(0, crashed=14)),
            Verdict(
                status="crash",
                reason="crashed",
                sentence="all 14 trials crashed; the incumbent passed 5/14",
            ),
        ),
        (
            standing(measured(0, crashed=13)),
            Verdict(status="discard", reason="passed_down", sentence="passed 0/14, was 5/14"),
        ),
        (
            standing(measured(13, void=1), 100),
            Verdict(
                status="discard",
                reason="indecisive",
                sentence="13/14 trials measured, 1 void: only a full suite decides",
            ),
        ),
        (
            standing(measured(6, 13)),
            Verdict(
                status="discard",
                reason="indecisive",
                sentence="ran 13 trials of 13 tasks, the incumbent 14 of 14: "
                "different suites cannot be compared",
            ),
        ),
    ],
    ids=["more", "fewer", "simpler", "as many", "crash", "nearly all crash", "void", "other suite"],
)
def test_the_upstream_rule_decides(candidate: Standing, verdict: Verdict) -> None:
    """Keep if passed improved; keep if equal and simpler; else discard (rule R5)."""
    assert decide(candidate, INCUMBENT) == verdict


@pytest.mark.rule("R5")
def test_a_harness_that_always_crashes_is_not_kept_for_being_simpler() -> None:
    """Against an incumbent that passed nothing, an empty file would be simpler (rule R5)."""
    verdict = decide(standing(measured(0, crashed=14), 1), standing(measured(0)))

    assert (verdict.status, verdict.reason) == ("crash", "crashed")


counts = st.integers(0, 14)


@pytest.mark.rule("R5")
@given(counts, counts, st.integers(0, 1000), st.integers(0, 1000))
def test_a_keep_means_more_passed_or_as_many_and_simpler(
    now: int, was: int, complexity: int, before: int
) -> None:
    """And nothing else ever does (rule R5)."""
    verdict = decide(standing(measured(now), complexity), standing(measured(was), before))

    assert verdict.keep == (now > was or (now == was and is_simpler(complexity, before)))


@pytest.mark.rule("R9")
@given(counts, counts, st.integers(1, 14), st.integers(0, 1000))
def test_a_candidate_with_a_void_trial_is_never_kept(
    now: int, was: int, void: int, complexity: int
) -> None:
    """An infrastructure fault must never help (rule R9, threat E3)."""
    candidate = standing(measured(min(now, 14 - void), void=void), complexity)

    assert decide(candidate, standing(measured(was))).status == "discard"


@pytest.mark.rule("R2")
@pytest.mark.parametrize(
    ("score", "sentence"),
    [
        (measured(5), "the baseline passed 5/14"),
        (measured(0), "the baseline passed 0/14"),
        (measured(0, crashed=14), "the baseline passed 0/14, 14 crashed"),
    ],
)
def test_the_baseline_is_kept_whatever_it_scored(score: Score, sentence: str) -> None:
    """It is the yardstick, so a bad one is kept too (rule R2)."""
    assert decide_baseline(score) == Verdict(status="keep", reason="baseline", sentence=sentence)


@pytest.mark.rule("R9")
def test_a_baseline_with_a_void_trial_is_no_yardstick() -> None:
    """It is measured again (rule R9)."""
    assert decide_baseline(measured(5, void=1)).reason == "indecisive"


@pytest.mark.rule("R4", "R9")
@pytest.mark.parametrize(
    ("state", "reason", "sentence"),
    [
        (
            "cancelled",
            "cancelled",
            "cancelled with 9/14 trials measured: only a full suite decides",
        ),
        (
            "out_of_time",
            "out_of_time",
            "out of time with 9/14 trials measured: only a full suite decides",
        ),
        ("indecisive", "indecisive", "9/14 trials measured, 5 void: only a full suite decides"),
    ],
)
def test_an_evaluation_that_did_not_measure_everything_is_a_discard(
    state: EvaluationState, reason: str, sentence: str
) -> None:
    """Cancelling a bad run, or breaking the machine, keeps nothing (rules R4, R9, threat E2)."""
    verdict = undecided(measured(9, void=5), state)

    assert (verdict.status, verdict.reason, verdict.sentence) == ("discard", reason, sentence)
