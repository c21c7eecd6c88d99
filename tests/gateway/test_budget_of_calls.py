"""Rule R10 for calls: reserved before, settled after, never more than the cap."""

import asyncio
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gateway.money.prices import Prices
from autoagent.gateway.money.purse import BudgetSpent, Purse, Spending
from autoagent.gateway.money.usage import Usage

Front = Any  # tests/gateway/conftest.py
ASKED = {"model": "gpt-5", "input": "hi", "max_output_tokens": 100}

money = st.floats(0, 3, allow_nan=False)
call = st.tuples(st.integers(0, 2), money, st.floats(0, 1), st.integers(0, 3))


@given(
    cap=money,
    trial_caps=st.lists(st.none() | money, min_size=3, max_size=3),
    calls=st.lists(call, max_size=30),
)
@settings(deadline=None, max_examples=200)
@pytest.mark.rule("R10")
def test_no_interleaving_spends_more_than_a_cap(
    cap: float, trial_caps: list[float | None], calls: list[tuple[int, float, float, int]]
) -> None:
    """Every call costs at most its reservation, and takes as many steps as it likes to end."""

    async def play() -> None:
        whole = Purse("all", cap)
        trials = [Purse(f"t{n}", one, whole) for n, one in enumerate(trial_caps)]

        async def one(trial: int, most: float, share: float, steps: int) -> None:
            try:
                reserved = await trials[trial].reserve(most)
            except BudgetSpent:
                return
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
                hold()
            trials[trial].settle(reserved, None if share == 1 else most * share)
            hold()

        def hold() -> None:
            assert whole.spent <= cap
            for trial, most in zip(trials, trial_caps, strict=True):
                assert most is None or trial.spent <= most
            assert whole.spent == pytest.approx(sum(trial.spent for trial in trials))

        with anyio.fail_after(10):
            async with anyio.create_task_group() as tasks:
                for told in calls:
                    tasks.start_soon(one, *told)
        hold()
        assert whole.left == pytest.approx(max(0.0, cap - whole.spent), abs=1e-9)

    asyncio.run(play())


async def test_a_call_waits_for_what_others_may_give_back() -> None:
    purse = Purse("all", 1.0)
    first = await purse.reserve(0.9)
    waiting = asyncio.create_task(purse.reserve(0.9))
    await anyio.lowlevel.checkpoint()
    assert not waiting.done()
    purse.settle(first, 0.05)
    with anyio.fail_after(5):
        await waiting
    with pytest.raises(BudgetSpent, match="this call may cost up to"):
        purse.settle(await purse.reserve(0.0), 0.5)
        await purse.reserve(0.9)


@given(
    model=st.sampled_from(["gpt-5", "claude-sonnet-4-5", "gpt-4.1", "text-embedding-3-small"]),
    tokens=st.tuples(*[st.integers(0, 300_000)] * 5),
    tier=st.sampled_from(["", "flex", "default", "standard"]),
)
def test_no_usage_within_its_limits_costs_more_than_the_worst_case(
    model: str, tokens: tuple[int, ...], tier: str
) -> None:
    price = Prices({}).of(model)
    assert price is not None
    inputs, cached, written, written_long, output = tokens
    usage = Usage(min(inputs, price.input_most), cached, written, written_long, output, 0, tier)
    assert price.dollars(usage.whole) <= price.most(inputs, output) + 1e-12


@pytest.mark.rule("A8")
async def test_at_the_cap_the_call_is_refused_and_the_scope_ends(front: Front, fake: Any) -> None:
    async with front(dollars_per_trial=0.003) as f:
        statuses = [(await f.post("/v1/responses", ASKED)).status_code for _ in range(60)]
        last = await f.post("/v1/responses", ASKED)
        assert f.scope.ended.is_set() and not f.gateway.spent.is_set()
        bill = f.bill()

    assert statuses[0] == 200 and statuses[-1] == 429
    assert "out of budget" in last.text.lower() and "for this trial" in last.text
    assert last.headers["x-should-retry"] == "false"
    assert len(fake.calls) == statuses.count(200)
    assert bill.cost_usd <= 0.003
    assert bill.fault is None


async def test_a_call_that_says_no_limit_reserves_the_models_own(front: Front, fake: Any) -> None:
    async with front(dollars_per_trial=1.0) as f:
        answer = await f.post("/v1/responses", {"model": "gpt-5", "input": "x"})
    async with front(dollars_per_trial=1.0, call_reserve_dollars=0.1) as f:
        second = await f.post("/v1/responses", {"model": "gpt-5", "input": "x"})

    assert answer.status_code == 429 and "$1.28" in answer.text
    assert "an answer of 99,99" in answer.text, "the limit that would fit is told"
    assert second.status_code == 200


async def test_the_evaluations_money_is_shared(front: Front) -> None:
    async with front(dollars=0.001) as f:
        assert (await f.post("/v1/responses", ASKED)).status_code == 429
        assert f.gateway.spent.is_set()


async def test_money_that_a_killed_worker_spent_is_spent(tmp_path: Path) -> None:
    first = Spending(tmp_path)
    settled = first.reserved("e1.t.1", 0.5)
    first.settled(settled, "e1.t.1", 0.1)
    first.reserved("e1.t.1", 0.2)  # under way when the worker died
    first.close()
    with (tmp_path / "spent.jsonl").open("a") as file:
        file.write(json.dumps(["9", "e1.t.2", 1.0])[:-3])

    again = Spending(tmp_path)
    again.settled(again.reserved("e1.u.1", 1.0), "e1.u.1", 0.4)
    again.close()
    third = Spending(tmp_path)
    third.close()

    assert dict(again.before) == {"e1.t.1": pytest.approx(0.3)}
    assert dict(third.before) == {"e1.t.1": pytest.approx(0.3), "e1.u.1": 0.4}


async def test_half_a_first_line_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "spent.jsonl").write_text('["0", "e1.t')
    again = Spending(tmp_path)
    again.reserved("e1.u.1", 0.2)
    again.close()
    third = Spending(tmp_path)
    third.close()

    assert dict(third.before) == {"e1.u.1": 0.2}
