"""What the gateway does when a provider, or the harness's end of the line, fails."""

import asyncio
import time
from typing import Any

import anyio
import fake_providers  # pyright: ignore[reportMissingImports]
import httpx2
import pytest

from autoagent.gateway.calls.pacing import Pacing

Front = Any  # tests/gateway/conftest.py
Scripted: Any = fake_providers.Scripted
ASKED = {"model": "gpt-5", "input": "hi", "max_output_tokens": 100}
STREAMED = ASKED | {"stream": True}


async def until(happened: Any) -> None:
    with anyio.fail_after(10):
        while not happened():
            await anyio.sleep(0.01)


@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
async def test_a_failure_that_passes_is_never_seen_by_the_harness(
    front: Front, fake: Any, status: int
) -> None:
    fake.script = [Scripted(status), Scripted(status)]
    async with front() as f:
        answer = await f.post("/v1/responses", ASKED)
        bill = f.bill()

    assert answer.status_code == 200
    assert len(fake.calls) == 3
    assert (bill.use.calls, bill.fault) == (1, None)


@pytest.mark.parametrize("status", [429, 500, 401, 402, 403])
@pytest.mark.rule("R9")
async def test_a_failure_that_stays_is_the_providers_and_ends_the_trial(
    front: Front, fake: Any, status: int
) -> None:
    fake.script = [Scripted(status)] * 10
    async with front() as f:
        answer = await f.post("/v1/responses", ASKED)
        after = await f.post("/v1/responses", ASKED)
        assert f.scope.ended.is_set()
        bill = f.bill()

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "provider_failed"
    assert "scripted" not in answer.text  # what a provider says about a key stays here
    assert after.status_code == 409
    assert str(status) in bill.fault
    assert bill.cost_usd == 0.0
    # A call of our own says whose failure a 500 or a 403 is; the others are never a harness's.
    assert len(fake.calls) == {429: 3, 500: 4, 403: 2}.get(status, 1)


async def test_a_provider_that_cannot_be_reached_is_a_fault(front: Front, fake: Any) -> None:
    upstream = {"base_url": "http://127.0.0.1:1/v1", "api_key_env": "K", "auth": "bearer"}
    async with front(models=("gpt-5",), upstreams={"openai": upstream}) as f:
        assert (await f.post("/v1/responses", ASKED)).status_code == 502
        assert "openai cannot be reached" in f.bill().fault


async def test_no_money_left_at_the_provider_is_not_asked_again(front: Front, fake: Any) -> None:
    fake.script = [Scripted(429, body=b'{"error": {"code": "insufficient_quota"}}')] * 5
    async with front() as f:
        await f.post("/v1/responses", ASKED)
        assert f.bill().fault

    assert len(fake.calls) == 1


@pytest.mark.rule("E3")
async def test_a_request_that_alone_fails_is_the_harnesss_own(front: Front, fake: Any) -> None:
    """Others get through meanwhile: a harness cannot make its trial void by a bad request."""
    fake.fails_on = b"bad"
    fake.held.clear()
    async with front() as f:
        failing = asyncio.create_task(f.post("/v1/responses", ASKED | {"input": "bad"}))
        await until(fake.arrived.is_set)
        good = await f.post("/v1/responses", ASKED | {"input": "good"})
        fake.held.set()
        bad = await failing
        bill = f.bill()

    assert (bad.status_code, good.status_code) == (500, 200)
    assert bad.json()["error"]["message"] == "scripted"
    assert bill.fault is None


async def test_a_stream_that_breaks_off_breaks_off_for_the_harness_and_costs_the_reserve(
    front: Front, fake: Any
) -> None:
    fake.cut_streams = True
    async with front() as f:
        with pytest.raises(httpx2.HTTPError):
            await f.post("/v1/responses", STREAMED)
        bill = f.bill()

    assert "broke off" in bill.fault
    assert bill.use.unmetered_calls == 1
    assert bill.cost_usd > 0.0009  # 100 tokens out, at least


@pytest.mark.rule("A7")
async def test_a_harness_that_hangs_up_pays_all_the_same(front: Front, fake: Any) -> None:
    """The usage comes last: whoever leaves before it is not let off."""
    fake.held.clear()
    async with front() as f:
        with pytest.raises(httpx2.TimeoutException):
            await f.client.post("/v1/responses", json=STREAMED, timeout=0.3)
        fake.held.set()
        await until(lambda: f.scope.use.calls)
        bill = f.bill()

    assert bill.cost_usd == pytest.approx((6 * 1.25 + 4 * 0.125 + 5 * 10) / 1e6)
    assert bill.use.unmetered_calls == 0


async def test_retry_after_holds_for_every_trial(fake: Any) -> None:
    pacing = Pacing()
    waited: list[float] = []
    with anyio.fail_after(5):
        async with pacing.turn():
            pacing.too_many(0.2, asyncio.get_running_loop().time())
        started = time.monotonic()
        async with anyio.create_task_group() as tasks:

            async def call() -> None:
                async with pacing.turn():
                    waited.append(time.monotonic() - started)

            for _ in range(3):
                tasks.start_soon(call)

    assert all(seconds > 0.15 for seconds in waited)


async def test_concurrency_halves_when_refused_and_grows_again() -> None:
    pacing = Pacing(most=8)
    now = asyncio.get_running_loop().time()
    assert pacing.limit == 4
    pacing.too_many(None, now)
    pacing.too_many(None, now - 1)  # a call from before tells nothing new
    assert pacing.limit == 2
    for _ in range(60):
        pacing.went_well()
    assert pacing.limit == 8


async def test_no_more_calls_at_a_time_than_the_limit() -> None:
    pacing = Pacing(most=4)
    busy, most = 0, 0

    async def call() -> None:
        nonlocal busy, most
        async with pacing.turn():
            busy += 1
            most = max(most, busy)
            await anyio.lowlevel.checkpoint()
            busy -= 1

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(call)
    assert most == 2
