"""Rule R10: what is reserved before and settled after never passes a cap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.config import Budget
from autoagent.errors import BudgetExceeded
from autoagent.records import Spent
from autoagent.referee import budget

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
            reserved = budget.reserve(limits, left, trials, seconds=0)
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
            budget.reserve(limits, left, 1, seconds=0)
        except BudgetExceeded:
            break
        started += 1
    assert started == min(cap, tries)


@pytest.mark.rule("R10")
def test_an_evaluation_that_would_outlast_the_climb_does_not_start() -> None:
    limits = Budget(hours=1)  # pyright: ignore[reportCallIssue]
    left = budget.remaining(limits, Spent(), started_at=0, now=3000)
    with pytest.raises(BudgetExceeded, match=r"budget\.hours"):
        budget.reserve(limits, left, 4, seconds=900)
    assert budget.reserve(limits, left, 4, seconds=300) == 0.0


def test_without_caps_everything_is_allowed_and_nothing_is_left_to_say() -> None:
    left = budget.remaining(Budget(), Spent(evaluations=99), started_at=0, now=1e9)  # pyright: ignore[reportCallIssue]
    assert (left.evaluations, left.hours, left.dollars) == (None, None, None)
    assert budget.reserve(Budget(), left, 1000, seconds=1e9) == 0.0  # pyright: ignore[reportCallIssue]
