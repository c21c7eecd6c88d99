"""From trials to a score."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.score import score
from autoagent.records import Outcome, Score, Trial

TASKS = ("fizzbuzz", "sort-csv")


def trial(
    task: str,
    reward: float | None,
    attempt: int = 1,
    outcome: Outcome | None = None,
    cost: float | None = None,
    side: str = "",
) -> Trial:
    usual: Outcome = "void" if reward is None else "passed" if reward >= 1 else "failed"
    return Trial(
        id=f"e1.{task}.{attempt}",
        task=task,
        attempt=attempt,
        side=side,
        outcome=outcome or usual,
        reward=reward,
        cost_usd=cost,
    )


@pytest.mark.rule("R3", "R5")
def test_every_expected_trial_is_counted() -> None:
    """Passed is trials passed over trials expected (rules R3, R5)."""
    trials = [
        trial("fizzbuzz", 1.0, 1, cost=0.5),
        trial("fizzbuzz", 0.0, 2, cost=0.25),
        trial("sort-csv", 0.5, 1),
        trial("sort-csv", 0.0, 2, "crashed"),
    ]

    assert score(trials, TASKS, range(1, 3), seconds=60.0) == Score(
        passed=1,
        expected=4,
        void=0,
        avg_score=0.375,
        task_scores={"fizzbuzz": 0.5, "sort-csv": 0.25},
        cost_usd=0.75,
        seconds=60.0,
        crashed=1,
    )


@pytest.mark.rule("R9")
def test_a_void_trial_stays_in_the_denominator_and_is_never_a_zero() -> None:
    """A dead sandbox measured nothing (rule R9)."""
    trials = [trial("fizzbuzz", 1.0), trial("sort-csv", None)]

    result = score(trials, TASKS, range(1, 2), seconds=1.0)

    assert (result.passed, result.expected, result.void, result.not_run) == (1, 2, 1, 0)
    assert (result.measured, result.avg_score) == (1, 1.0)
    assert result.task_scores == {"fizzbuzz": 1.0, "sort-csv": None}


@pytest.mark.rule("R3", "R9")
def test_a_trial_that_was_not_run_leaves_no_average() -> None:
    """The hardest tasks run first, so what a stopped pass averages is no estimate (rule R3)."""
    result = score([trial("fizzbuzz", 1.0)], TASKS, range(1, 2), seconds=1.0)

    assert (result.passed, result.expected, result.void, result.not_run) == (1, 2, 0, 1)
    assert (result.measured, result.avg_score) == (1, None)
    assert result.task_scores == {"fizzbuzz": 1.0, "sort-csv": None}


@pytest.mark.rule("R9")
def test_an_evaluation_that_measured_nothing_has_no_score() -> None:
    """Unknown is blank, never 0 (rule R9)."""
    result = score([], TASKS, range(1, 2), seconds=0.0)

    assert result.avg_score is None
    assert result.cost_usd is None
    assert result.task_scores == {"fizzbuzz": None, "sort-csv": None}
    assert result.not_run == result.expected == 2


def test_a_pass_of_both_sides_is_scored_by_its_own_and_charged_for_both() -> None:
    """The incumbent's fresh trials belong to no candidate's score, but are paid for."""
    trials = [
        trial("fizzbuzz", 0.0, 1, cost=0.1),
        trial("fizzbuzz", 1.0, 2, cost=0.1),
        trial("fizzbuzz", 0.0, 2, side="incumbent", cost=0.1),
    ]

    result = score(trials, ("fizzbuzz",), range(2, 3), seconds=1.0)

    assert (result.passed, result.expected, result.avg_score) == (1, 1, 1.0)
    assert result.cost_usd == pytest.approx(0.3)


@pytest.mark.rule("R9")
def test_a_void_trial_is_replaced_by_its_retry() -> None:
    """An infrastructure fault is tried again (rule R9)."""
    trials = [trial("fizzbuzz", None), trial("fizzbuzz", None), trial("fizzbuzz", 1.0)]

    assert score(trials, ("fizzbuzz",), range(1, 2), seconds=1.0).passed == 1
    assert score(trials, ("fizzbuzz",), range(1, 2), seconds=1.0).void == 0


def test_a_measured_trial_is_never_rolled_again() -> None:
    """The first measurement of an attempt decides, whatever follows (threat E1)."""
    trials = [trial("fizzbuzz", 0.0), trial("fizzbuzz", 1.0), trial("fizzbuzz", None)]

    result = score(trials, ("fizzbuzz",), range(1, 2), seconds=1.0)

    assert (result.passed, result.void, result.avg_score) == (0, 0, 0.0)


@pytest.mark.rule("R4")
def test_trials_of_other_tasks_and_attempts_are_ignored() -> None:
    """Only the frozen suite enters the score (rule R4)."""
    trials = [
        trial("fizzbuzz", 0.0),
        trial("fizzbuzz", 1.0, attempt=0),
        trial("fizzbuzz", 1.0, attempt=2),
        trial("another", 1.0),
    ]

    result = score(trials, ("fizzbuzz",), range(1, 2), seconds=1.0)

    assert (result.passed, result.expected) == (0, 1)
    assert result.task_scores == {"fizzbuzz": 0.0}


def test_every_metered_dollar_is_counted_void_trials_included() -> None:
    """Money spent on a trial that measured nothing is spent; unmetered is not 0."""
    trials = [
        trial("fizzbuzz", None, cost=0.1),
        trial("fizzbuzz", 1.0, cost=0.2),
        trial("sort-csv", 1.0),
    ]

    assert score(trials, TASKS, range(1, 2), seconds=1.0).cost_usd == pytest.approx(0.3)


def test_a_measured_trial_without_a_reward_scored_zero() -> None:
    """A crash or an unreadable verifier is the candidate's, not the machine's."""
    result = score(
        [trial("fizzbuzz", None, outcome="invalid")], ("fizzbuzz",), range(1, 2), seconds=1.0
    )

    assert (result.avg_score, result.void) == (0.0, 0)


TRIALS = st.lists(
    st.builds(
        trial,
        st.sampled_from([*TASKS, "another"]),
        st.none() | st.floats(0, 1),
        st.integers(0, 4),
        cost=st.none() | st.floats(0, 100),
    )
)


@pytest.mark.rule("R3")
@settings(deadline=None)
@given(TRIALS, st.integers(1, 3))
def test_the_counts_always_add_up(trials: list[Trial], attempts: int) -> None:
    """Whatever a worker wrote, nothing leaves the denominator (rule R3)."""
    result = score(trials, TASKS, range(1, attempts + 1), seconds=1.0)

    assert result.expected == 2 * attempts
    assert result.expected == result.measured + result.void + result.not_run
    assert 0 <= result.crashed + result.passed <= result.measured
    assert (result.avg_score is None) == (result.not_run > 0 or not result.measured)
    assert result.avg_score is None or 0.0 <= result.avg_score <= 1.0


@pytest.mark.rule("R9")
@settings(deadline=None)
@given(TRIALS, st.integers(1, 3), st.sampled_from(TASKS), st.integers(1, 3))
def test_a_void_trial_never_changes_what_was_measured(
    trials: list[Trial], attempts: int, task: str, attempt: int
) -> None:
    """However many more of them there are (rule R9)."""
    expected, void = range(1, attempts + 1), trial(task, None, attempt)
    before = score(trials, TASKS, expected, seconds=1.0)

    for more in ([*trials, void], [void, *trials]):
        after = score(more, TASKS, expected, seconds=1.0)

        assert (after.passed, after.measured) == (before.passed, before.measured)
        assert after.task_scores == before.task_scores
