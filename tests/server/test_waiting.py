"""Waiting is a courtesy: a call that gives up, is cancelled or dies loses nothing."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autoagent.records import Trial
from autoagent.referee.telling.views import Progress
from autoagent.server.waiting import UNLIMITED, Client, Pulse, Waiting, patience, sentence
from autoagent.worker.scripted import ScriptedEngine

from .callers import ALL, IMPATIENT, PATIENT, TWO, Caller, Connect, edit


@pytest.mark.parametrize(
    ("name", "heard", "silent"),
    [
        ("claude-code", UNLIMITED, 240),
        ("codex-mcp-client", 240, 240),
        ("gemini-cli-mcp-client", 540, 540),
        ("opencode", UNLIMITED, 40),
        ("claude-ai", 40, 40),
        ("", 40, 40),
    ],
)
def test_each_client_waits_as_long_as_it_was_measured_to_bear(
    name: str, heard: float, silent: float
) -> None:
    assert patience(Client(name, hears_progress=True)) == heard
    assert patience(Client(name, hears_progress=False)) == silent


@pytest.mark.both_eras
async def test_the_server_knows_its_client_in_both_eras(connect: Connect, mode: str) -> None:
    met: list[Client] = []

    def greet(client: Client) -> float:
        met.append(client)
        return 60.0

    async def ignore(progress: float, total: float | None, message: str | None) -> None:
        pass

    async with connect(waiting=Waiting(greet, 0.001), name="codex-mcp-client") as caller:
        await caller.client.call_tool("start_climb", {"tag": "n"}, progress_callback=ignore)
    assert met[0].name == "codex-mcp-client"
    assert met[0].hears_progress or mode == "auto"  # in memory the new era has no token to see


async def test_a_call_waits_until_the_evaluation_ends(connect: Connect) -> None:
    """It hears of the evaluation while it waits, and of its end."""
    engine = ScriptedEngine(TWO, hold=True)
    heard: list[tuple[float, float | None, str | None]] = []
    begun = anyio.Event()

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, total, message))
        begun.set()

    async with connect(engine) as caller, anyio.create_task_group() as group:
        await caller.ask("start_climb", tag="night")

        async def release() -> None:
            await begun.wait()
            engine.release()

        group.start_soon(release)
        with anyio.fail_after(20):
            result = await caller.client.call_tool("run_benchmark", progress_callback=listen)
        assert result.structured_content is not None
        assert result.structured_content["state"] == "complete"
    assert heard[0][:2] == (0.0, 8.0)
    assert heard[0][2] is not None and heard[0][2].startswith("e3 (baseline): 0/8 trials, 0 passed")


async def test_a_client_that_cannot_wait_is_told_to_call_again(connect: Connect) -> None:
    engine = ScriptedEngine(TWO, hold=True)
    async with connect(engine, IMPATIENT) as caller:
        waiting = await caller.ask("start_climb", tag="night")
        assert waiting["next_step"] == 'start_climb("night")'
        await caller.settled("start_climb", tag="night")
        first = await caller.ask("run_benchmark")
        again = await caller.ask("run_benchmark")
        engine.release()
        done = await caller.ask("run_benchmark")
    assert first["message"].startswith("running e3, 0/8; ") and first == again
    assert (done["evaluation"], done["state"]) == ("e3", "complete")
    assert first["next_step"] == "run_benchmark()"
    assert len(engine.started) == 3  # oracle, no-op, baseline


async def test_a_cancelled_call_never_cancels_its_evaluation(connect: Connect) -> None:
    engine = ScriptedEngine(TWO, hold=True)
    begun = anyio.Event()

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async with connect(engine) as caller:
        await caller.ask("start_climb", tag="night")
        async with anyio.create_task_group() as group:
            group.start_soon(_wait_for_ever, caller, listen)
            with anyio.fail_after(20):
                await begun.wait()
            group.cancel_scope.cancel()
        assert (await caller.ask("status"))["phase"] == "evaluating"
        engine.release()
        done = await caller.ask("run_benchmark")
    assert (done["evaluation"], done["state"]) == ("e3", "complete")


async def _wait_for_ever(caller: Caller, listen: Any) -> None:
    await caller.client.call_tool("run_benchmark", progress_callback=listen)


async def test_status_answers_while_another_call_waits(connect: Connect) -> None:
    engine = ScriptedEngine(TWO, hold=True)
    begun = anyio.Event()

    async def listen(progress: float, total: float | None, message: str | None) -> None:
        begun.set()

    async with connect(engine) as caller, anyio.create_task_group() as group:
        await caller.ask("start_climb", tag="night")
        group.start_soon(_wait_for_ever, caller, listen)
        with anyio.fail_after(20):
            await begun.wait()
            assert (await caller.ask("status"))["running"] == "e3 (baseline)"
        engine.release()


async def test_a_subset_that_ended_unheard_is_not_measured_again(
    connect: Connect, workspace: Path
) -> None:
    """A client that may wait 40 s asks again, and `status` may settle the end in between."""
    engine = ScriptedEngine(TWO)
    async with connect(engine, IMPATIENT) as caller:
        await caller.settled("start_climb", tag="night")
        await caller.ask("run_benchmark")
        await caller.ask("append_result")
        engine.hold = True
        running = await caller.ask("run_benchmark", tasks=["t1", "t3"])
        assert running["next_step"] == "the same call again"
        engine.release()
        assert (await caller.ask("status"))["phase"] == "idle"
        done = await caller.ask("run_benchmark", tasks=["t3", "t1"])
        assert (done["evaluation"], done["state"]) == ("e4", "complete")
        edit(workspace)
        await caller.ask("commit_candidate", description="x")
        fresh = await caller.ask("run_benchmark", tasks=["t3", "t1"])
    assert fresh["message"].startswith("running e5, ")


async def test_a_killed_server_leaves_its_evaluation_to_the_next_one(
    workspace: Path, open_referee: Any, connect: Connect
) -> None:
    engine = ScriptedEngine(ALL, hold=True)
    async with connect(engine, IMPATIENT) as caller:
        await caller.settled("start_climb", tag="night")
        await caller.ask("run_benchmark")
    async with connect(engine, PATIENT) as caller:
        assert (await caller.ask("status"))["running"] == "e3 (baseline)"
        engine.release()
        after = await caller.ask("run_benchmark")
    assert (after["evaluation"], after["state"]) == ("e3", "complete")


# -- progress ------------------------------------------------------------------------------


def at(done: int, *, evaluation: str = "e1", expected: int = 4, void: int = 0) -> Progress:
    last = Trial(
        id=f"{evaluation}.t{done + void}.1",
        task=f"t{done + void}",
        attempt=1,
        outcome="passed",
        reward=1.0,
        seconds=2.5,
    )
    return Progress(
        evaluation=evaluation,
        kind="full",
        done=done,
        expected=expected,
        passed=done,
        void=void,
        seconds=12.0,
        last=last if done + void else None,
    )


def test_every_finished_trial_is_told_at_once() -> None:
    pulse = Pulse(15.0)
    told = [pulse.beat(at(done), 0.1 * done) for done in (0, 1, 1, 2, 4)]
    assert [beat and beat[:2] for beat in told] == [(0, 4), (1, 4), None, (2, 4), (4, 4)]


def test_silence_is_broken_after_fifteen_seconds() -> None:
    pulse = Pulse(15.0)
    told = [pulse.beat(at(1), clock) for clock in (0.0, 14.9, 15.0, 29.9, 30.0)]
    assert [beat and beat[0] for beat in told] == [1.0, None, 1.001, None, 1.002]


def test_two_evaluations_in_one_wait_add_up() -> None:
    pulse = Pulse(15.0)
    told = [pulse.beat(at(n, evaluation=e), 0.0) for e, n in (("e1", 3), ("e2", 0), ("e2", 1))]
    assert [beat and beat[:2] for beat in told] == [(3, 4), (4, 8), (5, 8)]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 5), st.integers(0, 2), st.floats(0, 40)),
        max_size=40,
    )
)
def test_progress_only_ever_rises(steps: list[tuple[int, int, int, float]]) -> None:
    """The protocol asks for it, and evaluations follow one another."""
    pulse, clock, values = Pulse(15.0), 0.0, [-1.0]
    for evaluation, done, void, wait in sorted(steps, key=lambda step: step[:2]):
        clock += wait
        beat = pulse.beat(at(done, evaluation=f"e{evaluation}", expected=5, void=void), clock)
        if beat:
            values.append(beat[0])
    assert values == sorted(set(values))


def test_the_message_of_a_beat_is_a_readable_line() -> None:
    assert sentence(at(2, void=1)) == snapshot(
        "e1 (full): 2/4 trials, 2 passed, 1 void, 12 s; last t3 passed in 2.5 s"
    )
