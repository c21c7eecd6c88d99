"""Rule R9 for time: the provider's waiting is not the trial's, and no harness gains time by it."""

import asyncio
import json
from typing import Any

import anyio
import fake_providers  # pyright: ignore[reportMissingImports]
import httpx2
import pytest

from autoagent.gateway.calls.clock import Clock

Front = Any  # tests/gateway/conftest.py
Scripted: Any = fake_providers.Scripted
ASKED = {"model": "gpt-5", "input": "hi", "max_output_tokens": 100}
SLOW = {"patience": {"tries": 3, "first_seconds": 0.3, "in_all_seconds": 5.0}}


class Measured:
    """A clock with a trial's limit, and how its time ended."""

    def __init__(self, limit: float, **facts: Any) -> None:
        self.clock, self._limit = Clock(**facts), limit

    async def during(self, work: Any) -> bool:
        """Whether the work was done within the limit."""
        try:
            async with asyncio.timeout(None) as time:
                self.clock.begin(self._limit, time.reschedule)
                await work
            return True
        except TimeoutError:
            return False
        finally:
            self.clock.end()


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.rule("R9")
async def test_a_wait_for_the_provider_is_not_the_trials_time(
    front: Front, fake: Any, status: int
) -> None:
    measured = Measured(0.7)
    patience = {"tries": 3, "longest_asked_seconds": 5.0}
    async with front(clock=measured.clock, patience=patience) as f:
        await f.post("/v1/responses", ASKED)  # what is loaded once is loaded
        fake.script = [Scripted(status, {"retry-after": "0.9"})]
        assert await measured.during(f.post("/v1/responses", ASKED))

    assert measured.clock.stood >= 0.9
    assert not measured.clock.over


@pytest.mark.rule("R9")
async def test_what_a_failed_try_took_is_given_back(front: Front, fake: Any) -> None:
    """The provider thought for long before it failed: nobody knew whose time that was."""
    fake.fails_on = b"hi"
    fake.held.clear()
    measured = Measured(1.0)

    async def fails_then_answers(f: Any) -> None:
        asking = asyncio.create_task(f.post("/v1/responses", ASKED))
        await anyio.sleep(0.5)  # what the first try takes
        fake.held.set()
        while measured.clock.stood < 0.4:
            await anyio.sleep(0.01)
        fake.fails_on = b""
        assert (await asking).status_code == 200

    async with front(clock=measured.clock, **SLOW) as f:
        assert await measured.during(fails_then_answers(f))


@pytest.mark.rule("R9", "E3")
@pytest.mark.attack(
    "E3.3", ending="no effect", what="provokes failures, for the clock to stand still meanwhile"
)
async def test_a_failure_that_the_harness_provokes_gives_it_no_time(
    front: Front, fake: Any
) -> None:
    """A call of our own gets through: its tries and pauses were the trial's time after all."""
    fake.fails_on = b"hi"
    measured = Measured(0.5)
    async with front(clock=measured.clock, **SLOW) as f:
        in_time = await measured.during(
            asyncio.gather(f.post("/v1/responses", ASKED), anyio.sleep(20))
        )
        assert f.scope.end is None
        measured.clock.take_back(0)

    assert not in_time and measured.clock.over
    assert measured.clock.stood == 0.0


@pytest.mark.rule("R9")
@pytest.mark.attack(
    "A8.16", ending="score 0", what="works on while one of its calls waits for the provider"
)
async def test_the_clock_goes_on_while_a_command_runs_or_another_call_is_answered(
    front: Front, fake: Any
) -> None:
    clock = Clock()
    moved: list[float] = []
    now = asyncio.get_running_loop().time
    clock.begin(10.0, moved.append)
    call = clock.call()
    with call.waiting():
        assert moved[-1] > now() + 1000  # it stands, for a bounded time
        with clock.command():
            assert moved[-1] == pytest.approx(now() + 10, abs=0.5)
        other = clock.call()
        with other.asking():
            assert moved[-1] == pytest.approx(now() + 10, abs=0.5)
        assert moved[-1] > now() + 1000
    assert moved[-1] == pytest.approx(now() + 10, abs=0.5)
    inside = Clock(commands_count=False)  # there commands are what calls the model
    inside.begin(10.0, moved.append)
    with inside.command(), inside.call().waiting():
        assert moved[-1] > now() + 1000


@pytest.mark.attack(
    "A8.17",
    ending="score 0",
    what="hangs up on a call that waits, and goes on while the clock stands",
)
async def test_the_clock_does_not_stand_for_a_call_that_its_harness_has_left(
    front: Front, fake: Any
) -> None:
    fake.script = [Scripted(429, {"retry-after": "20"})]
    measured = Measured(0.6)

    async def leaves(f: Any) -> None:
        with pytest.raises(httpx2.TimeoutException):
            await f.client.post("/v1/responses", json=ASKED, timeout=0.2)
        await anyio.sleep(20)

    async with front(clock=measured.clock, patience={"longest_asked_seconds": 2.0}) as f:
        with anyio.fail_after(5):
            assert not await measured.during(leaves(f))

    assert measured.clock.stood < 0.5


@pytest.mark.attack(
    "A8.18", ending="score 0", what="works while a call stands that it never means to wait for"
)
async def test_what_stood_for_a_call_that_the_harness_did_not_wait_for_was_its_own_time(
    front: Front, fake: Any
) -> None:
    fake.script = [Scripted(429, {"retry-after": "20"})]
    measured = Measured(0.3)

    async def works_meanwhile(f: Any) -> None:
        asking = asyncio.create_task(f.post("/v1/responses", ASKED))
        await anyio.sleep(0.6)
        asking.cancel()

    async with front(clock=measured.clock, patience={"longest_asked_seconds": 2.0}) as f:
        await measured.during(works_meanwhile(f))

    assert measured.clock.over


async def test_a_clock_stands_for_a_bounded_time(front: Front, fake: Any) -> None:
    fake.script = [Scripted(429, {"retry-after": "20"})]
    measured = Measured(0.1, stands_most=0.2)
    async with front(clock=measured.clock, patience={"longest_asked_seconds": 1.0}) as f:
        with anyio.fail_after(0.9):
            assert not await measured.during(f.post("/v1/responses", ASKED))

    assert measured.clock.over


@pytest.mark.rule("R9", "E3")
@pytest.mark.attack("E3.4", ending="no effect", what="asks for what is refused, for a void trial")
@pytest.mark.parametrize(
    ("model", "status"), [("gpt-5-1999-01-01", 404), ("gpt-5", 400), ("gpt-5", 403)]
)
async def test_a_refusal_that_the_harness_provokes_is_its_own(
    front: Front, fake: Any, model: str, status: int
) -> None:
    """A date after the pinned name, garbage, what it may not do: our own call gets through."""

    def refuses(call: Any) -> Any:
        body = json.dumps({"error": {"message": "insufficient_quota does not exist"}})
        return None if b"ping" in call.body else fake_providers.Response(body, status)

    fake.trouble = refuses
    async with front() as f:
        for _ in range(5):
            assert (await f.post("/v1/responses", ASKED | {"model": model})).status_code == status
        assert f.scope.end is None and f.outages == []
        bill = f.bill()

    pings = [call.told["model"] for call in fake.calls if b"ping" in call.body]
    assert set(pings) <= {"gpt-5"} and len(pings) <= 2
    assert (bill.fault, bill.cost_usd, bill.answered) == (None, 0.0, False)


@pytest.mark.attack(
    "A7.3", ending="no effect", what="hangs up in mid-stream, for a void trial or a free call"
)
async def test_a_harness_that_hangs_up_in_mid_stream_pays_and_is_measured(
    front: Front, fake: Any
) -> None:
    fake.held.clear()
    async with front() as f:
        with pytest.raises(httpx2.TimeoutException):
            await f.client.post("/v1/responses", json=ASKED | {"stream": True}, timeout=0.2)
        fake.held.set()
        with anyio.fail_after(10):
            while not f.scope.use.calls:
                await anyio.sleep(0.01)
        assert f.scope.end is None
        bill = f.bill()

    assert (bill.fault, bill.use.unmetered_calls) == (None, 0)
    assert bill.cost_usd
