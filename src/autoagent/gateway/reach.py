"""How calls get from a sandbox to the worker's gateway: a listener made in there, served out here.

Whoever is in the sandbox connects to its own loopback. The listener arrives over a unix
socket before any of the candidate's code runs; without a sandbox the worker listens itself.
"""

import asyncio
import secrets
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from autoagent.errors import InfrastructureFault
from autoagent.gateway.calls.scope import Scope
from autoagent.gateway.gateway import PLACEHOLDER, Gateway, variables
from autoagent.gateway.money.usage import Caller

LISTENING_SECONDS = 20.0


class Door:
    """One trial's or one command's way to the gateway.

    Out of a sandbox's own loopback it needs no key. On the machine's, which others share, it
    answers only to the key that it hands out.

    Attributes:
        theirs: The end that goes into the sandbox; None without one.
    """

    def __init__(self, gateway: Gateway, trial: str, caller: Caller, port: int | None) -> None:
        """Describe the way.

        Args:
            gateway: Where it leads.
            trial: Who calls, by Harbor's name.
            caller: On whose account.
            port: Where a sandbox listens on a loopback of its own; None is the machine's loopback.
        """
        self._gateway, self._trial, self._port = gateway, trial, port or 0
        self._caller: Caller = caller
        self._key = PLACEHOLDER if port else f"{PLACEHOLDER}-{secrets.token_hex(16)}"
        self._ours: socket.socket | None = None
        self.theirs: socket.socket | None = None
        if port:
            self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[Scope, dict[str, str]]]:
        """Serve the calls for as long as the block lasts; the scope, and what SDKs read to find it.

        Raises:
            InfrastructureFault: The sandbox gave no listener.
        """
        listener = await self._listener()
        port = listener.getsockname()[1]
        key = None if self._ours else self._key
        async with self._gateway.serving(self._trial, listener, self._caller, key) as scope:
            yield scope, self._variables(port)

    async def answer_while[T](self, work: Callable[[dict[str, str]], Coroutine[Any, Any, T]]) -> T:
        """Do some work, given what SDKs read to find the gateway; it is answered meanwhile.

        Raises:
            InfrastructureFault: The sandbox was not made, or gave no listener.
        """
        try:
            if self.theirs is None:
                async with self.open() as (_, found):
                    return await work(found)
            working = asyncio.ensure_future(work(self._variables(self._port)))
            try:
                async with self.open():
                    return await working
            except InfrastructureFault:  # a sandbox that was not made says better why
                await asyncio.wait({working}, timeout=LISTENING_SECONDS)
                return await working
            finally:
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of both ends."""
        for end in (self._ours, self.theirs):
            if end is not None:
                end.close()

    def _variables(self, port: int) -> dict[str, str]:
        judge = self._gateway.judge_variables if self._caller == "verifier" else {}
        return variables(port, self._key) | judge

    async def _listener(self) -> socket.socket:
        if self._ours is None:
            return socket.create_server(("127.0.0.1", 0))
        self._ours.settimeout(LISTENING_SECONDS)
        try:
            _, fds, _, _ = await asyncio.to_thread(socket.recv_fds, self._ours, 64, 1)
        except OSError as error:
            raise InfrastructureFault("The sandbox gave no listener in time.") from error
        if not fds:
            raise InfrastructureFault("The sandbox could not listen on its loopback.")
        return socket.socket(fileno=fds[0])


async def until_over[T](scope: Scope, work: Coroutine[Any, Any, T]) -> T | None:
    """The work's result; None where the scope ended first, and the work was cancelled."""
    working = asyncio.ensure_future(work)
    ended = asyncio.ensure_future(scope.ended.wait())
    try:
        await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        ended.cancel()
        working.cancel()
        await asyncio.gather(working, ended, return_exceptions=True)
