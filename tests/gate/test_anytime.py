"""The anytime gate's bound, computed exactly: no draw, no tolerance but rounding."""

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.passes import Count
from autoagent.gate.rules import anytime
from autoagent.gate.rules.anytime import MOST_PASSES, evidence
from autoagent.records import Contest

ROUNDING = 1e-9
SCREENED = Count(9, 0)


def contest(alpha: float = 0.2, *, simpler: bool = False) -> Contest:
    return Contest(rule="anytime", passes=2, alpha=alpha, pruning=True, stored=8, simpler=simpler)


@st.composite
def sides(draw: st.DrawFn, most: int = 6) -> list[tuple[float, float]]:
    """Chances of a candidate that is no better than its incumbent, task by task very different."""
    chance = st.floats(0, 1)
    pairs = draw(st.lists(st.tuples(chance, chance), min_size=1, max_size=most))
    ours, theirs = (sum(side) for side in zip(*pairs, strict=True))
    return [(own * min(1.0, theirs / ours) if ours else own, rival) for own, rival in pairs]


def one_pass(pairs: list[tuple[float, float]]) -> dict[tuple[int, int], float]:
    """How likely each number of wins and losses is after a pass."""
    found = {(0, 0): 1.0}
    for own, rival in pairs:
        after: defaultdict[tuple[int, int], float] = defaultdict(float)
        for (wins, losses), chance in found.items():
            after[wins + 1, losses] += chance * own * (1 - rival)
            after[wins, losses + 1] += chance * rival * (1 - own)
            after[wins, losses] += chance * (own * rival + (1 - own) * (1 - rival))
        found = after
    return found


def whole(wins: int, losses: int) -> Count:
    return Count(wins, 0, losses, 0, wins, losses)


@settings(deadline=None)
@given(sides(), st.integers(0, 30), st.integers(0, 30))
def test_the_evidence_of_a_pass_never_grows_on_average_where_the_candidate_is_no_better(
    pairs: list[tuple[float, float]], wins: int, losses: int
) -> None:
    """From whatever was seen before: that is what Ville's inequality asks for."""
    expected = sum(
        chance * evidence(wins + more, losses + fewer)
        for (more, fewer), chance in one_pass(pairs).items()
    )

    assert expected <= evidence(wins, losses) * (1 + ROUNDING)


def test_within_a_pass_the_evidence_may_grow_on_average() -> None:
    """Tasks differ: where the candidate's good ones come first, W says nothing yet."""
    first_task = sum(chance * evidence(*d) for d, chance in one_pass([(0.9, 0.1)]).items())
    both_tasks = one_pass([(0.9, 0.1), (0.1, 0.9)]).items()

    assert first_task > 1.2
    assert sum(chance * evidence(*d) for d, chance in both_tasks) <= 1


@settings(deadline=None)
@given(sides(most=2), st.sampled_from([0.1, 0.2, 0.5, 0.8]))
def test_a_candidate_that_is_no_better_is_kept_with_alpha_at_most(
    pairs: list[tuple[float, float]], alpha: float
) -> None:
    """Over every path of passes, even if the first pass let every candidate through."""
    kept, paths = 0.0, {(): 1.0}
    outcomes = one_pass(pairs)
    while paths:
        longer: dict[tuple[Count, ...], float] = {}
        for (path, chance), ((wins, losses), more) in product(paths.items(), outcomes.items()):
            seen = (*path, whole(wins, losses))
            said = anytime.answer(contest(alpha), [SCREENED, *seen])
            kept += chance * more * (said == "won")
            if said == "open" and chance * more:
                longer[seen] = longer.get(seen, 0.0) + chance * more
        paths = longer

    assert kept <= alpha + ROUNDING


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_it_never_keeps_in_the_middle_of_a_pass(
    wins: int, losses: int, left: int, rival_left: int, simpler: bool
) -> None:
    """However strong the evidence is there: hard tasks come first, so it is not yet any."""
    part = Count(wins, left, losses, rival_left, wins, losses)
    said = anytime.answer(contest(simpler=simpler), [SCREENED, part])

    assert said != "won" or part.complete


@pytest.mark.rule("R5")
@pytest.mark.parametrize(
    ("simpler", "seen", "said"),
    [
        (False, [Count(8, 0)], "lost"),
        (False, [SCREENED], "open"),
        (False, [SCREENED, whole(5, 0)], "won"),
        (False, [SCREENED, whole(4, 0)], "open"),
        (False, [SCREENED, whole(4, 0), whole(1, 0)], "won"),
        (False, [SCREENED, whole(2, 2)], "lost"),
        (True, [SCREENED, whole(2, 2)], "open"),
        (True, [SCREENED, whole(1, 2)], "lost"),
        (False, [SCREENED, whole(3, 1), whole(0, 3)], "lost"),
        (False, [SCREENED, whole(1, 0), *[whole(0, 0)] * (MOST_PASSES - 1)], "lost"),
        (True, [SCREENED, whole(1, 0), *[whole(0, 0)] * (MOST_PASSES - 1)], "won"),
        (True, [SCREENED, *[whole(0, 0)] * MOST_PASSES], "won"),
    ],
    ids=[
        "not screened",
        "screened",
        "enough evidence, 5.6",
        "ahead, 3.8",
        "enough by now",
        "level",
        "level and simpler",
        "behind and simpler",
        "behind by now",
        "never enough",
        "ahead and simpler to the end",
        "level and simpler to the end",
    ],
)
def test_passes_go_on_while_the_candidate_is_ahead(
    simpler: bool, seen: list[Count], said: str
) -> None:
    """Until the evidence is 1 / alpha, or the passes run out (rule R5)."""
    assert anytime.answer(contest(simpler=simpler), seen) == said
