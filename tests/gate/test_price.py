"""What further trials are worth, and how many are worth their price."""

from math import exp, pi, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gate.rules.posterior import Belief, Change
from autoagent.gate.rules.price import more, worth


def belief(gain: float, *tells: float, common: float = 0.0) -> Belief:
    tasks = {str(n): Change(0.1, gain, told, (told, 0.0)) for n, told in enumerate(tells)}
    return Belief(gain, sum(tells) + common, tasks, (1.0,), 0.0, common)


@pytest.mark.parametrize("gain", [-1.5, -0.2, 0.0, 0.4, 2.0])
@pytest.mark.parametrize("told", [0.01, 0.3, 2.0])
def test_what_is_learned_is_worth_what_a_later_choice_gains_by_it(gain: float, told: float) -> None:
    """Against the integral: to keep where the later mean is over 0, less keeping or not today."""
    steps, spread = 4000, sqrt(told)
    grid = [-8 + 16 * (n + 0.5) / steps for n in range(steps)]
    weights = [exp(-z * z / 2) / sqrt(2 * pi) * 16 / steps for z in grid]
    later = sum(w * max(0.0, gain + spread * z) for z, w in zip(grid, weights, strict=True))
    assert worth(gain, told) == pytest.approx(later - max(0.0, gain), abs=1e-5)


@given(st.floats(-3, 3), st.floats(0.001, 3), st.floats(0.001, 3))
def test_more_to_learn_is_worth_more_and_a_loss_as_much_as_a_gain(
    gain: float, told: float, further: float
) -> None:
    """A belief is changed with as much effort in either direction."""
    assert 0 <= worth(gain, told) <= worth(gain, told + further) + 1e-12
    assert worth(gain, told) == worth(-gain, told)


def test_trials_go_on_while_they_tell_more_than_they_cost() -> None:
    """Two tasks are uncertain, eight are not."""
    found = more(belief(0.0, 0.2, 0.2, *[1e-9] * 8), 0.003)
    assert found.trials == 2
    assert found.profit == pytest.approx(worth(0.0, 0.4) - 0.006)
    assert more(belief(5.0, 0.2, 0.2), 0.003).trials == 0
    assert more(belief(0.0, 0.2, 0.2), 1.0).trials == 0


def test_what_tasks_share_is_learned_by_many_trials_together() -> None:
    """No single task says anything of a shift of all."""
    assert more(belief(0.2, *[0.0] * 40, common=4.0), 0.003).trials > 20
