"""The confirm gate's bound, computed exactly: no draw, no tolerance but rounding."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.passes import Count
from autoagent.gate.rules import confirm
from autoagent.records import Contest

CHANCES = st.lists(st.floats(0, 1), min_size=1, max_size=4)
ROUNDING = 1e-9


def contest(stored: int, passes: int = 2, *, simpler: bool = False) -> Contest:
    return Contest(
        rule="confirm", passes=passes, alpha=0.2, pruning=True, stored=stored, simpler=simpler
    )


def sums(chances: list[float]) -> list[float]:
    """How likely each number of passed trials is, when they have these chances."""
    found = [1.0]
    for chance in chances:
        found = [
            (found[k] if k < len(found) else 0.0) * (1 - chance)
            + (found[k - 1] if k else 0.0) * chance
            for k in range(len(found) + 1)
        ]
    return found


@st.composite
def sides(draw: st.DrawFn, most: int = 4) -> tuple[list[float], list[float]]:
    """Chances of a candidate that is no better than its incumbent, task by task very different."""
    incumbent = draw(st.lists(st.floats(0, 1), min_size=1, max_size=most))
    size = len(incumbent)
    candidate = draw(st.lists(st.floats(0, 1), min_size=size, max_size=size))
    if sum(candidate) > sum(incumbent):
        candidate = [chance * sum(incumbent) / sum(candidate) for chance in candidate]
    return candidate, incumbent


def keeps(
    candidate: list[float], incumbent: list[float], stored: list[float], passes: int
) -> float:
    """How likely a keep is, the stored pass having this distribution."""
    size, ours, theirs = len(candidate), sums(candidate), sums(incumbent)
    numbers = range(size + 1)
    total = 0.0
    for was, first in product(numbers, numbers):
        for fresh in product(product(numbers, numbers), repeat=passes - 1):
            seen = [Count(first, 0), *(Count(own, 0, rival, 0) for own, rival in fresh)]
            if confirm.answer(contest(was, passes), seen) == "won":
                chance = stored[was] * ours[first]
                for own, rival in fresh:
                    chance *= ours[own] * theirs[rival]
                total += chance
    return total


@settings(deadline=None)
@given(sides())
def test_a_candidate_that_is_no_better_is_kept_in_one_case_of_four_at_most(
    both: tuple[list[float], list[float]],
) -> None:
    """However its chances differ from the incumbent's from task to task."""
    candidate, incumbent = both

    assert keeps(candidate, incumbent, sums(incumbent), 2) <= 1 / 4 + ROUNDING


@settings(deadline=None)
@given(sides(most=2))
def test_three_passes_keep_one_in_eight_at_most(both: tuple[list[float], list[float]]) -> None:
    """Each pass of its own halves it."""
    candidate, incumbent = both

    assert keeps(candidate, incumbent, sums(incumbent), 3) <= 1 / 8 + ROUNDING


def test_the_bound_is_nearly_reached() -> None:
    """With many noisy trials ties are rare, so that no better bound could be promised."""
    chances = sums([0.5] * 400)
    ahead = sum(chances[a] * sum(chances[:a]) for a in range(401))

    assert 0.48 < ahead <= 0.5


@settings(deadline=None)
@given(sides(most=3), CHANCES, st.lists(CHANCES, max_size=2))
def test_a_stored_pass_that_won_and_survived_keeps_the_bound(
    both: tuple[list[float], list[float]], beaten: list[float], challengers: list[list[float]]
) -> None:
    """Sharing one stored pass among challengers makes a keep rarer, never likelier."""
    candidate, incumbent = both
    size = len(incumbent)
    before = sums((beaten * size)[:size])
    stored = [chance * sum(before[:passed]) for passed, chance in enumerate(sums(incumbent))]
    for challenger in challengers:
        ours = sums((challenger * size)[:size])
        stored = [chance * sum(ours[: was + 1]) for was, chance in enumerate(stored)]
    if sum(stored) < 1e-6:
        return  # such an incumbent cannot be
    stored = [chance / sum(stored) for chance in stored]

    assert keeps(candidate, incumbent, stored, 2) <= 1 / 4 + ROUNDING


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("simpler", "fresh", "said"),
    [
        (False, [], "open"),
        (False, [Count(5, 0, 4, 0)], "won"),
        (False, [Count(5, 0, 5, 0)], "lost"),
        (True, [Count(5, 0, 5, 0)], "won"),
        (True, [Count(4, 0, 5, 0)], "lost"),
        (False, [Count(1, 3, 1, 3)], "open"),
        (False, [Count(1, 3, 4, 1)], "lost"),
        (True, [Count(1, 3, 4, 1)], "open"),
        (False, [Count(5, 0, 3, 1)], "open"),
    ],
    ids=[
        "screened",
        "won again",
        "a tie",
        "a simpler tie",
        "fewer",
        "running",
        "out of reach",
        "a simpler tie in reach",
        "a rival trial missing",
    ],
)
def test_what_won_has_to_win_again(simpler: bool, fresh: list[Count], said: str) -> None:
    """Against the incumbent's fresh pass, by the same comparison (rule R5)."""
    assert confirm.answer(contest(4, simpler=simpler), [Count(5, 0), *fresh]) == said


def test_three_passes_take_three() -> None:
    """The third is held against a third of the incumbent's."""
    won = Count(5, 0, 4, 0)

    assert confirm.answer(contest(4, 3), [Count(5, 0), won]) == "open"
    assert confirm.answer(contest(4, 3), [Count(5, 0), won, won]) == "won"
