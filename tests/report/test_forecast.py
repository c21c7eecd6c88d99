"""`autoagent cost`: what a night would cost, by what trials have cost."""

from collections.abc import Callable

import pytest

from autoagent.config import Config
from autoagent.records import Trial
from autoagent.report.forecast import forecast
from autoagent.report.played import Played

from .nights import night

RULES = Config.model_validate(
    {"benchmark": {"attempts": 2, "concurrency": 4}, "certify": {"passes": 3}}
)


def with_trials(change: Callable[[Trial], Trial]) -> Played:
    """A climb of three candidates over ten tasks, whose trials are changed."""
    climb = night(3, 10)
    for one in climb.evaluations.values():
        one.trials = [change(trial) for trial in one.trials if isinstance(trial, Trial)]
    return climb


def test_a_night_is_the_sum_of_its_parts_at_the_price_of_a_trial() -> None:
    """A cent and three seconds a trial; two sides of a certification run held-out tasks too."""
    found = forecast(night(3, 10), RULES, tasks=20, held_out=4, candidates=10)

    trials = {part.what: part.trials for part in found.parts}
    assert trials["the baseline"] == 2 * 20 * 2
    assert trials["certification"] == 2 * 3 * 24 * 2
    assert trials["candidates"] == round(10 * 40 * found.passes)
    played = sum(trials.values()) - trials["proving the tasks"]
    assert found.dollars == pytest.approx(0.01 * played)
    assert found.hours == pytest.approx(3 * played / 4 / 3600)


def test_candidates_that_were_stopped_early_make_the_next_ones_cheaper() -> None:
    whole, stopped = night(2, 9), night(3, 9)  # the baseline, one, and one that ran three of nine
    assert forecast(whole, RULES, 9, 0, 10).passes == 1
    assert forecast(stopped, RULES, 9, 0, 10).passes == pytest.approx((9 + 3) / 18)


def test_what_had_no_price_has_none() -> None:
    climb = with_trials(lambda trial: trial.replace(cost_usd=None))
    found = forecast(climb, RULES, tasks=20, held_out=4, candidates=10)
    assert found.dollars is None
    assert {part.dollars for part in found.parts} == {None}
    assert found.hours > 0


def test_a_verifiers_judge_is_paid_too() -> None:
    climb = with_trials(lambda trial: trial.replace(judge_cost_usd=0.02))
    found = forecast(climb, RULES, tasks=20, held_out=4, candidates=0)
    assert found.dollars == pytest.approx(0.03 * (2 * 40 + 2 * 3 * 48))
