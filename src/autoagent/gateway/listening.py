"""Serving sockets that were made elsewhere: each listener belongs to one scope.

A trial's listener lives in the trial's own network namespace. Its calls arrive here, in the
worker, without a process in between, tagged with whose they are.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from autoagent.gateway.calls.scope import Scope

CONNECTIONS = 64
"""Connections of one listener; those beyond are closed at once, so that no trial can use up
the worker's file descriptors."""
BESIDES_BODY = 256 * 1024
"""Bytes of a request that are not its body: the parser itself would keep headers without end."""
SETTLE_SECONDS = 5.0
"""How long calls go on when their trial has ended, to learn what they cost."""


class _Gathered:
    """A transport that sends at once what one turn of the loop wrote: headers with their body."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._parts = transport, list[bytes]()
        self._loop = asyncio.get_running_loop()

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Bounded(HttpToolsProtocol):
    """uvicorn's HTTP, for a bounded number of connections and with bounded headers."""

    _turned_away = False
    _besides_body = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if len(self.connections) >= CONNECTIONS:
            self._turned_away = True
            transport.abort()
            return
        super().connection_made(cast("asyncio.Transport", _Gathered(transport)))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._turned_away:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Checked before a read is added: one read may hold most of a body as well.
        if self._besides_body > BESIDES_BODY:
            self.send_400_response("The request's headers are too long.")
            return
        self._besides_body += len(data)
        super().data_received(data)

    def on_body(self, body: bytes) -> None:
        self._besides_body -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._besides_body = 0
        super().on_message_complete()


class Listening:
    """An application, served on any number of listeners."""

    def __init__(self, app: ASGIApp) -> None:
        """Load the application once; no signal handler, no access log, no headers of uvicorn's."""
        self._config = Config(
            app,
            http=_Bounded,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",  # warnings are about bad requests: a harness could fill the disk
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
        self._config.load()

    @asynccontextmanager
    async def serving(
        self, listener: socket, scope: Scope, key: str | None = None
    ) -> AsyncGenerator[None]:
        """Serve one listener, which is closed at the end with every connection it accepted.

        Where the trial's time ran out while its model was silent, whose time that was is known only
        when the call has ended: it is waited for, when the harness is dead.

        With a `key`, calls that do not bring it are refused.
        """
        loop, state = asyncio.get_running_loop(), ServerState()
        tag: dict[str, Any] = {"caller": scope, "key": key}

        def protocol() -> asyncio.Protocol:
            return _Bounded(config=self._config, server_state=state, app_state=tag, _loop=loop)

        # Accepted connections inherit it. Without it a small answer waits 40 ms for a late ACK.
        listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        server = await loop.create_server(protocol, sock=listener, backlog=CONNECTIONS)
        try:
            yield
        finally:
            server.close()
            # Calls first, connections after: a call whose connection is cut costs an unknown sum.
            if state.tasks:
                _, late = await asyncio.wait(state.tasks, timeout=SETTLE_SECONDS)
                while late and scope.clock.over and scope.undecided(SETTLE_SECONDS):
                    _, late = await asyncio.wait(late, timeout=SETTLE_SECONDS)
                for task in late:
                    task.cancel()
                if late:
                    await asyncio.wait(late, timeout=SETTLE_SECONDS)
            for connection in list(state.connections):
                connection.transport.abort()
