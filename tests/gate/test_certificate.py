"""The paired difference and its interval."""

from math import comb, sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.certificate import Pair, effect, interval, pairs_of
from autoagent.gate.noise import NORMAL_95
from autoagent.records import About, Effect, Outcome, Trial

DIFFERENCES = st.lists(st.floats(-1, 1), min_size=1, max_size=40)
ROUNDING = 1e-12


def trial(side: str, task: str, attempt: int, outcome: Outcome) -> Trial:
    reward = None if outcome == "void" else float(outcome == "passed")
    return Trial(id="x", side=side, task=task, attempt=attempt, outcome=outcome, reward=reward)


@pytest.mark.rule("R9")
def test_a_void_trial_drops_its_pair_and_is_never_a_failure() -> None:
    """The same attempt of the same task, measured on both sides, is a pair (rule R9)."""
    trials = [
        trial("baseline", "a", 1, "failed"),
        trial("", "a", 1, "void"),
        trial("", "a", 1, "passed"),
        trial("", "a", 1, "failed"),
        trial("baseline", "a", 2, "void"),
        trial("", "a", 2, "passed"),
        trial("", "b", 1, "crashed"),
        trial("baseline", "b", 1, "passed"),
        trial("left-out", "b", 1, "passed"),
        trial("", "c", 1, "passed"),
        trial("baseline", "c", 2, "passed"),
    ]

    assert pairs_of(trials, "baseline", "") == {"a": [(False, True)], "b": [(True, False)]}
    assert pairs_of(reversed(trials[4:]), "baseline", "") == {"b": [(True, False)]}


def test_every_task_has_the_same_weight_however_many_attempts_were_measured() -> None:
    """A task that lost attempts to void trials counts no less."""
    found = effect({"a": [(False, True)] * 3, "b": [(True, False)], "c": []})

    half = NORMAL_95 * sqrt(4) / 4
    assert found == Effect(
        tasks=2, pairs=4, before=0.5, after=0.5, difference=0.0, low=-half, high=half
    )


def test_nothing_paired_is_no_effect() -> None:
    """Unknown, and not 0."""
    assert effect({}) is effect({"a": []}) is None


@settings(deadline=None)
@given(DIFFERENCES)
def test_the_interval_holds_its_mean_and_has_a_width(differences: list[float]) -> None:
    """Even where every task agrees."""
    low, high = interval(differences)

    assert -1 <= low <= sum(differences) / len(differences) + ROUNDING
    assert sum(differences) / len(differences) - ROUNDING <= high <= 1
    assert high > low


@settings(deadline=None)
@given(DIFFERENCES)
def test_the_interval_takes_no_side(differences: list[float]) -> None:
    """With the sides exchanged it is mirrored."""
    low, high = interval(differences)

    assert interval([-d for d in differences]) == pytest.approx((-high, -low))


@settings(deadline=None)
@given(DIFFERENCES, st.integers(2, 5))
def test_more_tasks_of_the_same_kind_make_it_shorter(differences: list[float], times: int) -> None:
    """Four times as many make it about half as long."""
    low, high = interval(differences)
    shorter_low, shorter_high = interval(differences * times)

    assert shorter_high - shorter_low < high - low + ROUNDING


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_with_one_attempt_it_is_the_interval_of_bonett_and_price(
    wins: int, losses: int, ties: int
) -> None:
    """A pair won and a pair lost are added to the table of pairs."""
    size = wins + losses + ties
    if not size:
        return
    b, c, n = wins + 1, losses + 1, size + 2
    half = NORMAL_95 * sqrt((b + c) - (b - c) ** 2 / n) / n

    assert interval([1.0] * wins + [-1.0] * losses + [0.0] * ties) == pytest.approx(
        (max(-1.0, (b - c) / n - half), min(1.0, (b - c) / n + half))
    )


@pytest.mark.parametrize("size", [6, 10, 20])
@pytest.mark.parametrize(
    ("win", "loss"),
    [
        (0.0, 0.0),
        (0.02, 0.0),
        (0.1, 0.0),
        (0.2, 0.0),
        (0.4, 0.0),
        (0.6, 0.1),
        (0.1, 0.1),
        (0.3, 0.3),
    ],
)
def test_small_suites_are_covered_in_more_than_90_of_100_cases(
    size: int, win: float, loss: float
) -> None:
    """Summed over every outcome that there is, so no draw can make it so."""
    covered = 0.0
    for wins in range(size + 1):
        for losses in range(size - wins + 1):
            ties = size - wins - losses
            ways = comb(size, wins) * comb(size - wins, losses)
            chance = ways * win**wins * loss**losses * (1 - win - loss) ** ties
            low, high = interval([1.0] * wins + [-1.0] * losses + [0.0] * ties)
            covered += chance * (low <= win - loss <= high)

    assert covered >= 0.92


# -- of these very tasks -----------------------------------------------------------------------


def measured(before: list[int], after: list[int], passes: int = 3) -> dict[str, list[Pair]]:
    """So many of three trials passed, task by task, on both sides."""
    sides = zip(before, after, strict=True)
    return {str(n): [(k < b, k < a) for k in range(passes)] for n, (b, a) in enumerate(sides)}


def half_width(pairs: dict[str, list[Pair]], about: About = "these_tasks") -> float:
    found = effect(pairs, about)
    assert found is not None
    assert found.low <= found.difference <= found.high
    return (found.high - found.low) / 2


def test_tasks_that_differ_from_each_other_are_no_luck_of_these_tasks() -> None:
    """One task was mended and one broken, in every trial: nothing of that is noise."""
    steady = measured([0, 3, 0, 3, 0, 3], [3, 0, 0, 3, 0, 3])
    assert half_width(steady) < half_width(steady, "tasks_like_these") / 3


def test_coin_flips_make_the_interval_wider_and_tasks_that_agree_leave_it_some_width() -> None:
    """Twenty tasks, three passes each."""
    agreed, flipped = measured([3] * 20, [3] * 20), measured([1, 2] * 10, [2, 1] * 10)
    assert 0.02 < half_width(agreed) < 0.06 < 0.15 < half_width(flipped) < 0.22


def test_with_one_attempt_at_each_task_the_interval_is_that_of_tasks_like_these() -> None:
    """Nothing tells luck from difference then."""
    once = measured([0, 1, 1, 0], [1, 1, 1, 0], passes=1)
    assert effect(once, "these_tasks") == effect(once)


@pytest.mark.parametrize("chances", [(0.5,) * 6, (0.02, 0.98, 0.5, 0.9, 0.1, 0.02), (0.2,) * 10])
def test_the_interval_of_these_tasks_covers_94_of_100_cases_or_more(
    chances: tuple[float, ...],
) -> None:
    """The truth is the difference of these tasks' own chances; here there is none."""
    random = Random(5)
    covered = 0
    for _ in range(1000):
        sides = [[sum(random.random() < c for _ in range(3)) for c in chances] for _ in range(2)]
        found = effect(measured(sides[0], sides[1]), "these_tasks")
        assert found is not None
        covered += found.low <= 0 <= found.high
    assert covered >= 930
