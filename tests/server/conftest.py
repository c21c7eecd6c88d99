"""A server over a referee whose trials are scripted, and clients of both protocol eras."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from mcp import Client
from mcp_types import Implementation

from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.waiting import Waiting
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

from .callers import ALL, PATIENT, TWO, Caller, Connect


@pytest.fixture
def mode() -> str:
    """The protocol era that a client speaks: the new one, unless a test is of `both_eras`."""
    return "auto"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where the eras differ, a test is played by a client of each."""
    if "mode" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_eras"):
        metafunc.parametrize("mode", ["auto", "legacy"])


@pytest.fixture
def connect(open_referee: Callable[[Engine | None], Referee], mode: str) -> Connect:
    """Connect a client to a server over the workspace."""

    @asynccontextmanager
    async def one(
        engine: Engine | None = None, waiting: Waiting = PATIENT, name: str = "test"
    ) -> AsyncGenerator[Caller]:
        server = build_server(open_referee(engine or ScriptedEngine(TWO, ALL)), waiting)
        me = Implementation(name=name, version="1")
        async with Client(server, mode=mode, client_info=me) as client:
            yield Caller(client)

    return one
