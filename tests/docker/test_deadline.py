"""What the daemon takes to put a verifier in its place is not on the candidate's time."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from autoagent.benchmark.environments.docker.daemon import DEFAULT_HOST

Bench = Any  # tests/conftest.py

LIMIT_SECONDS = 3.0


@asynccontextmanager
async def slow_daemon(place: Path, seconds: float) -> AsyncGenerator[str]:
    """The daemon, behind a socket at which every commit of a container takes so much longer."""
    real = (os.environ.get("DOCKER_HOST") or DEFAULT_HOST).removeprefix("unix://")

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                if b"/commit?" in data.partition(b"\r\n")[0]:
                    await asyncio.sleep(seconds)
                target.write(data)
                await target.drain()
        with contextlib.suppress(OSError):
            target.write_eof()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, asking = await asyncio.open_unix_connection(real)
        try:
            await asyncio.gather(pump(reader, asking), pump(answers, writer))
        finally:
            asking.close()
            writer.close()

    async with await asyncio.start_unix_server(meet, place):
        yield f"unix://{place}"


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
