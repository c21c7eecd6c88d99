"""Climbs under attack: a real server with a client, over a workspace that a test wrote."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from mcp import Client

from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.waiting import Waiting
from autoagent.worker.engine import Engine

from ..commands.conftest import Command
from ..server.callers import Caller
from ..tier.conftest import shared_python as shared_python

PATIENT = Waiting(patience=lambda _: 120.0, poll_seconds=0.02)
Serving = Callable[..., AbstractAsyncContextManager[Caller]]


@pytest.fixture
def serving() -> Serving:
    """`async with serving(root) as caller`: a server on real workers, or on another engine."""

    @asynccontextmanager
    async def serve(root: Path, engine: Engine | None = None) -> AsyncGenerator[Caller]:
        referee = Referee.open(root, engine)
        try:
            async with Client(build_server(referee, PATIENT)) as client:
                yield Caller(client)
        finally:
            referee.close()

    return serve


@pytest.fixture
def autoagent(monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, as a human calls it afterwards."""
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    return Command()
