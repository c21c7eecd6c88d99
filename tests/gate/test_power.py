"""How small a gain can be told from luck, against what certificates do in simulated nights."""

import random
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gate.certificate import effect
from autoagent.gate.power import smallest_gain, tasks_for


def found(tasks: int, tries: int, gain: float, nights: int = 200) -> float:
    """The share of nights whose certificate finds this gain, each trial as lucky as is usual."""
    dice = random.Random(7)
    half = gain / 2
    spread = sqrt(0.25 - half**2 - 1 / 8)  # so that p (1 - p) is 1/8 on the average

    def night() -> bool:
        chances = [0.5 + (spread if n % 2 else -spread) for n in range(tasks)]
        pairs = {
            str(n): [(dice.random() < p - half, dice.random() < p + half) for _ in range(tries)]
            for n, p in enumerate(chances)
        }
        told = effect(pairs, "these_tasks")
        assert told is not None
        return told.low > 0

    return sum(night() for _ in range(nights)) / nights


@pytest.mark.parametrize(("tasks", "tries"), [(20, 3), (60, 3), (40, 6)])
def test_the_smallest_gain_is_found_in_about_four_of_five_nights(tasks: int, tries: int) -> None:
    assert 0.7 < found(tasks, tries, smallest_gain(tasks, tries)) < 0.9


@given(tasks=st.integers(1, 5000), tries=st.integers(1, 60))
def test_more_tasks_or_tries_tell_smaller_gains(tasks: int, tries: int) -> None:
    for like in (False, True):
        one = smallest_gain(tasks, tries, like_these=like)
        assert 0 < smallest_gain(tasks + 1, tries, like_these=like) <= one <= 1
        assert smallest_gain(tasks, tries + 1, like_these=like) <= one
    assert smallest_gain(tasks, tries) <= smallest_gain(tasks, tries, like_these=True)


@given(gain=st.floats(0.01, 1.0), tries=st.integers(1, 60))
def test_as_many_tasks_as_a_gain_needs_tell_it(gain: float, tries: int) -> None:
    enough = tasks_for(gain, tries)
    assert smallest_gain(enough, tries) <= gain * (1 + 1e-9)
    assert enough == 1 or smallest_gain(enough - 1, tries) > gain * (1 - 1e-9)
