"""What is believed of a candidate, task by task."""

from math import exp as e_to
from math import isclose, lgamma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gate.rules.posterior import Tally, believe
from autoagent.records import Prior

STEPS = 1000


def prior(**changes: object) -> Prior:
    usual = {"a": 0.5, "b": 0.5, "shares": ((0.1, 1.0),), "shift_weight": 0.0, "shift_spread": 0.3}
    return Prior.model_validate({**usual, **changes})


@st.composite
def tallies(draw: st.DrawFn, least: int = 0) -> Tally:
    measured = draw(st.integers(least, 6))
    return float(draw(st.integers(0, measured))), float(measured)


suites = st.dictionaries(st.sampled_from("abcdef"), st.tuples(tallies(), tallies(1)), min_size=1)
priors = st.builds(
    prior,
    a=st.floats(0.2, 5),
    b=st.floats(0.2, 5),
    shares=st.sampled_from([((0.1, 1.0),), ((0.01, 0.4), (0.3, 0.3))]),
    shift_weight=st.sampled_from([0.0, 0.3]),
)


def integrated(a: float, b: float, before: Tally, after: Tally, share: float) -> tuple[float, ...]:
    """Chance of a change, mean and variance of the gain, by summing over a grid of chances."""
    # p = sin²(x) takes the poles out of Beta densities of 1/2 and more.
    from math import cos, pi, sin

    grid = [(n + 0.5) * pi / 2 / STEPS for n in range(STEPS)]
    log_beta = lgamma(a) + lgamma(b) - lgamma(a + b)

    def weights(passed: float, failed: float) -> list[tuple[float, float]]:
        return [
            (
                sin(x) ** 2,
                2
                * sin(x) ** (2 * (a + passed) - 1)
                * cos(x) ** (2 * (b + failed) - 1)
                / e_to(log_beta)
                * pi
                / 2
                / STEPS,
            )
            for x in grid
        ]

    (old, of), (new, out_of) = before, after
    together = sum(w for _, w in weights(old + new, of - old + out_of - new))
    sides = [weights(old, of - old), weights(new, out_of - new)]
    totals = [sum(w for _, w in side) for side in sides]
    means = [sum(p * w for p, w in side) / t for side, t in zip(sides, totals, strict=True)]
    squares = [sum(p * p * w for p, w in side) / t for side, t in zip(sides, totals, strict=True)]
    apart = totals[0] * totals[1]
    chance = share * apart / (share * apart + (1 - share) * together)
    gained = means[1] - means[0]
    spread = sum(square - mean**2 for square, mean in zip(squares, means, strict=True))
    return chance, chance * gained, chance * (spread + gained**2) - (chance * gained) ** 2


@pytest.mark.parametrize("a, b", [(0.5, 0.5), (1.0, 2.0), (3.0, 0.75)])
@pytest.mark.parametrize(
    "before, after",
    [((0, 2), (1, 1)), ((2, 3), (0, 4)), ((3, 3), (3, 3)), ((0, 0), (1, 2)), ((1.4, 2.6), (2, 2))],
)
def test_the_closed_forms_are_the_integrals(
    a: float, b: float, before: Tally, after: Tally
) -> None:
    """The posterior of one task, against a sum over a thousand chances."""
    belief = believe(prior(a=a, b=b), {"t": before}, {"t": after})
    found = (belief.tasks["t"].chance, belief.gain, belief.variance)
    assert found == pytest.approx(integrated(a, b, before, after, 0.1), rel=1e-3, abs=1e-6)


def test_shares_are_weighed_by_how_well_they_explain_the_trials() -> None:
    """Two tasks, so two integrals multiply; the gain is a mean over the shares."""
    around = prior(shares=((0.05, 0.7), (0.5, 0.3)))
    sides = {"t": ((0.0, 3.0), (2.0, 2.0)), "u": ((2.0, 3.0), (1.0, 2.0))}
    belief = believe(
        around, {t: old for t, (old, _) in sides.items()}, {t: new for t, (_, new) in sides.items()}
    )
    likely, gains = [], []
    for share, weight in around.shares:
        alone = [
            believe(prior(shares=((share, 1.0),)), {"t": o}, {"t": n}) for o, n in sides.values()
        ]
        for one, (old, new) in zip(alone, sides.values(), strict=True):
            chance = integrated(0.5, 0.5, old, new, share)[0]
            odds = chance / (1 - chance) * (1 - share) / share
            weight *= share * odds + 1 - share
            assert isclose(one.tasks["t"].chance, chance, rel_tol=1e-3)
        likely.append(weight)
        gains.append(sum(one.gain for one in alone))
    expected = sum(w * g for w, g in zip(likely, gains, strict=True)) / sum(likely)
    assert belief.gain == pytest.approx(expected)


@given(priors, suites)
def test_the_two_sides_are_treated_alike(
    around: Prior, suite: dict[str, tuple[Tally, Tally]]
) -> None:
    """What one gains the other loses; of a shift that holds only where both know as much."""
    alone = around.model_copy(update={"shift_weight": 0.0})
    ours = {task: new for task, (_, new) in suite.items()}
    theirs = {task: old if old[1] else (0.0, 1.0) for task, (old, _) in suite.items()}
    there, back = believe(alone, theirs, ours), believe(alone, ours, theirs)
    assert there.gain == pytest.approx(-back.gain, abs=1e-9)
    assert there.variance == pytest.approx(back.variance)


@given(priors, suites)
def test_passing_and_failing_are_mirror_images(
    around: Prior, suite: dict[str, tuple[Tally, Tally]]
) -> None:
    """A suite in which every trial went the other way gains what this one loses."""
    mirrored = around.model_copy(update={"a": around.b, "b": around.a})
    ours, theirs = ({task: sides[n] for task, sides in suite.items()} for n in (1, 0))
    turned = [{t: (n - s, n) for t, (s, n) in side.items()} for side in (theirs, ours)]
    assert believe(around, theirs, ours).gain == pytest.approx(
        -believe(mirrored, *turned).gain, abs=1e-9
    )


@given(priors, suites, st.randoms(use_true_random=False))
def test_the_order_of_the_tasks_does_not_matter(
    around: Prior, suite: dict[str, tuple[Tally, Tally]], random: object
) -> None:
    """Equal trials give equal verdicts, to the last bit: sums are exact."""
    names = sorted(suite)
    there = [{task: suite[task][n] for task in names} for n in (0, 1)]
    back = [{task: suite[task][n] for task in reversed(names)} for n in (0, 1)]
    assert believe(around, *there).gain == believe(around, *back).gain


@given(st.floats(0.2, 5), st.floats(0.2, 5), tallies(), st.integers(1, 6), st.integers(0, 5))
def test_one_more_pass_never_makes_a_task_look_worse(
    a: float, b: float, before: Tally, measured: int, passed: int
) -> None:
    """Of one task, where the share of changed tasks is known."""
    passed = min(passed, measured - 1)
    gains = [
        believe(prior(a=a, b=b), {"t": before}, {"t": (float(s), float(measured))}).gain
        for s in (passed, passed + 1)
    ]
    assert gains[0] <= gains[1] + 1e-12


@given(st.floats(0.2, 5), st.floats(0.2, 5), tallies(), tallies(), st.sampled_from([0, 1]))
def test_what_the_next_trial_tells_is_how_far_it_is_to_move_the_gain(
    a: float, b: float, before: Tally, after: Tally, side: int
) -> None:
    """Belief is a martingale: it moves to low or high, and by (mean - low)·(high - mean)."""
    around = prior(a=a, b=b)
    now = believe(around, {"t": before}, {"t": after})
    ends: list[float] = []
    for passed in (0.0, 1.0):
        sides = [before, after]
        tally = sides[1 - side]
        sides[1 - side] = (tally[0] + passed, tally[1] + 1)
        ends.append(believe(around, {"t": sides[0]}, {"t": sides[1]}).gain)
    spread = (now.gain - ends[0]) * (ends[1] - now.gain)
    assert now.tasks["t"].tells[side] == pytest.approx(spread, rel=1e-6, abs=1e-12)


def test_a_task_that_was_never_passed_speaks_louder_than_a_coin_flip() -> None:
    """Two passes: the same news, and not the same belief."""
    dead, coin = ((0.0, 4.0), (2.0, 2.0)), ((2.0, 4.0), (2.0, 2.0))
    gains = [believe(prior(), {"t": old}, {"t": new}).gain for old, new in (dead, coin)]
    assert gains[0] > 4 * gains[1] > 0


def test_many_small_gains_are_a_shift_that_no_task_shows() -> None:
    """Forty coin flips, each won a little oftener."""
    theirs = {str(n): (10.0, 20.0) for n in range(40)}
    ours = {str(n): (12.0, 20.0) for n in range(40)}
    without, shifted = (believe(prior(shift_weight=w), theirs, ours) for w in (0.0, 0.3))
    assert shifted.gain > 3 > without.gain
    assert shifted.above(0) > 0.99


def test_without_a_trial_nothing_is_believed_but_the_prior() -> None:
    """No gain and no loss."""
    assert believe(prior(shift_weight=0.3), {}, {}).gain == 0
