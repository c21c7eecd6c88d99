"""What the daemon takes to put a verifier in its place is not on the candidate's time."""

import contextlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import create_task_group
from anyio.abc import SocketStream

from autoagent.environments.docker.daemon import DEFAULT_HOST

Bench = Any  # tests/conftest.py

LIMIT_SECONDS = 3.0


@asynccontextmanager
async def slow_daemon(place: Path, seconds: float) -> AsyncGenerator[str]:
    """The daemon, behind a socket at which it takes so much longer to end a container."""
    real = (os.environ.get("DOCKER_HOST") or DEFAULT_HOST).removeprefix("unix://")

    async def pump(source: SocketStream, target: SocketStream) -> None:
        with contextlib.suppress(anyio.BrokenResourceError):
            async for data in source:
                if b"/kill" in data.partition(b"\r\n")[0]:
                    await anyio.sleep(seconds)
                await target.send(data)
            await target.send_eof()

    async def meet(client: SocketStream) -> None:
        async with client, await anyio.connect_unix(real) as daemon, create_task_group() as group:
            group.start_soon(pump, client, daemon)
            group.start_soon(pump, daemon, client)

    async with create_task_group() as group, await anyio.create_unix_listener(place) as listener:
        group.start_soon(listener.serve, meet)
        yield f"unix://{place}"
        group.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_harness_that_ends_in_time_passes_however_long_the_containers_swap_takes(
    bench: Bench,
    harness_source: str,
    base: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Harbor has a deadline for the agent's phase, which the swap is a part of."""
    if "://" in os.environ.get("DOCKER_HOST", "").removeprefix("unix://"):
        pytest.skip("DOCKER_HOST is no socket, in front of which another could be put")
    place = tmp_path_factory.mktemp("d") / "sock"
    spec = bench.spec(
        harness_source, {"t1": "a"}, environment="docker", trial_timeout_seconds=LIMIT_SECONDS
    )
    async with slow_daemon(place, LIMIT_SECONDS) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        trials = await bench.finish(spec)

    (trial,) = trials.values()
    assert (trial.outcome, trial.detail) == ("passed", ""), bench.log()
    assert trial.seconds > LIMIT_SECONDS
