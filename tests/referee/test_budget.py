"""Rule R10: what is reserved before and settled after never passes a cap."""

import asyncio
import re
from contextlib import suppress
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from autoagent.config import Budget, Config
from autoagent.errors import BudgetExceeded, ConfigError
from autoagent.gateway.money.purse import BudgetSpent, Purse
from autoagent.records import Spent
from autoagent.referee import budget
from autoagent.referee.budget import Cost

dollars = st.floats(0.01, 100)


@pytest.mark.rule("R10")
@given(
    cap=dollars,
    per_trial=st.floats(0, 5),
    evaluations=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=30),
)
def test_spending_never_passes_the_cap_whatever_trials_cost_up_to_their_reservation(
    cap: float, per_trial: float, evaluations: list[tuple[int, float]]
) -> None:
    limits = Budget(dollars=cap, dollars_per_trial=per_trial)  # pyright: ignore[reportCallIssue]
    spent = Spent()
    for trials, share in evaluations:
        left = budget.remaining(limits, spent, started_at=0, now=0)
        try:
            reserved = budget.reserve(limits, left, trials, each=per_trial, seconds=0)
        except BudgetExceeded:
            continue
        spent = Spent(evaluations=spent.evaluations + 1, dollars=spent.dollars + reserved * share)
        assert spent.dollars <= cap + 1e-9


@pytest.mark.rule("R10")
@given(cap=st.integers(1, 20), tries=st.integers(0, 40))
def test_no_more_evaluations_start_than_the_cap(cap: int, tries: int) -> None:
    limits = Budget(evaluations=cap)  # pyright: ignore[reportCallIssue]
    started = 0
    for _ in range(tries):
        left = budget.remaining(limits, Spent(evaluations=started), started_at=0, now=0)
        try:
            budget.reserve(limits, left, 1, each=0.0, seconds=0)
        except BudgetExceeded:
            break
        started += 1
    assert started == min(cap, tries)


@pytest.mark.rule("R10")
def test_an_evaluation_that_would_outlast_the_climb_does_not_start() -> None:
    limits = Budget(hours=1)  # pyright: ignore[reportCallIssue]
    left = budget.remaining(limits, Spent(), started_at=0, now=3000)
    with pytest.raises(BudgetExceeded, match=r"budget\.hours"):
        budget.reserve(limits, left, 4, each=0.0, seconds=900)
    assert budget.reserve(limits, left, 4, each=0.0, seconds=300) == 0.0


def test_without_caps_everything_is_allowed_and_nothing_is_left_to_say() -> None:
    left = budget.remaining(Budget(), Spent(evaluations=99), started_at=0, now=1e9)  # pyright: ignore[reportCallIssue]
    assert (left.evaluations, left.hours, left.dollars) == (None, None, None)
    assert budget.reserve(Budget(), left, 1000, each=0.0, seconds=1e9) == 0.0  # pyright: ignore[reportCallIssue]


# -- reserves follow what trials have cost -------------------------------------------------


def test_what_a_trial_reserves_follows_what_trials_have_cost_once_that_is_known() -> None:
    """At first the cap of each of three tries; then twice the average, and never more."""
    caps = Config.model_validate({"budget": {"dollars_per_trial": 0.1}})

    def each(trials: int, average: float) -> float:
        return budget.for_a_trial(caps, Cost(trials=trials, each=average))

    assert each(0, 0.0) == each(9, 0.01) == pytest.approx(0.3)
    assert each(10, 0.01) == pytest.approx(0.02)
    assert each(10, 0.2) == pytest.approx(0.3)


@pytest.mark.rule("R10")
@given(
    cap=st.floats(0.5, 50),
    per_trial=st.floats(0.01, 2),
    attempted=st.lists(
        st.tuples(st.integers(1, 20), st.floats(0.1, 1), st.floats(0, 1)), max_size=12
    ),
)
def test_whatever_trials_cost_the_cap_is_never_passed(
    cap: float, per_trial: float, attempted: list[tuple[int, float, float]]
) -> None:
    """A night of evaluations: each trial calls until its purse refuses, or five times.

    Reserves follow what was cheap before, and then a candidate is as dear as it likes.
    """
    config = Config.model_validate({"budget": {"dollars": cap, "dollars_per_trial": per_trial}})
    spent, known = Spent(), Cost()

    async def trial(whole: Purse, asked: float, share: float) -> None:
        own = Purse("this trial", per_trial, whole)
        with suppress(BudgetSpent):
            for _ in range(5):
                own.settle(await own.reserve(asked), asked * share)

    async def evaluation(trials: int, most: float, asked: float, share: float) -> float:
        whole = Purse("this evaluation", most)
        for _ in range(trials):
            await trial(whole, asked * per_trial, share)
        return whole.spent

    for trials, asked, share in attempted:
        left = budget.remaining(config.budget, spent, started_at=0, now=0)
        each = budget.for_a_trial(config, known)
        try:
            budget.reserve(config.budget, left, trials, each=each, seconds=0)
        except BudgetExceeded:
            continue
        cost = asyncio.run(evaluation(trials, left.dollars or 0.0, asked, share))
        spent = Spent(dollars=spent.dollars + cost)
        known = Cost(trials=known.trials + trials, each=max(known.each, cost / trials))
        assert spent.dollars <= cap + 1e-9


DOCUMENTED = "With the defaults that is"


@pytest.mark.rule("R10")
def test_the_sum_that_the_docs_do_is_the_one_that_is_done() -> None:
    """docs/gateway.md: its own example can be played, and what does not fit is named."""
    page = (Path(__file__).parents[2] / "docs/gateway.md").read_text()
    example = tomli.loads(page.split("```toml\n")[1].split("```")[0])["budget"]
    config = Config.model_validate({"budget": example})
    said = " ".join(page[page.index(DOCUMENTED) :].split("\n\n")[0].split())
    numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", said)]
    runs, tries, tasks, held_out, each, needed, dear, dear_needed, cap, fits = numbers

    assert (each, cap) == (config.budget.dollars_per_trial, config.budget.dollars)
    told = budget.require_enough(config, config.budget, int(tasks), int(held_out))
    assert runs == 2 + 2 * config.certify.passes
    assert tries == 1 + config.benchmark.void_retries
    assert needed == pytest.approx(sum(map(float, re.findall(r"\$(\d+\.\d\d)", told)[1:3])))
    caps = config.budget.model_copy(update={"dollars_per_trial": dear})
    with pytest.raises(ConfigError) as refused:
        budget.require_enough(config, caps, int(tasks), int(held_out))
    assert f"budget.dollars to {dear_needed:g} or more" in str(refused.value)
    assert f"budget.dollars_per_trial to {fits:g} or less" in str(refused.value)
