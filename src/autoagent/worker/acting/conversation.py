"""What a trial's harness and the worker say to each other: calls come in, answers go out.

Every message comes from the candidate, and so does how it says that it ended.
"""

import asyncio
import contextlib
import tarfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from harbor.environments.base import BaseEnvironment

from autoagent.environments.sandbox.inside import wire
from autoagent.environments.trees import unpack
from autoagent.errors import InfrastructureFault
from autoagent.gateway.calls.clock import Clock
from autoagent.gateway.calls.redact import Redactor
from autoagent.records import clean
from autoagent.worker.acting.calls import CallRecord, serve_call

START_SECONDS = 60.0
"""How long a trial may take until the harness's first line: forks and mounts, no import."""
GRACE_SECONDS = 0.5
CONCURRENT_CALLS = 16
NO_RESULT = "the harness process ended without a result"


class Ending(NamedTuple):
    """How the harness says it ended, and what the worker saw.

    `error` is None only where the harness finished by itself; `context` is its own claim.
    """

    error: str | None
    traceback: str
    context: dict[str, Any]


class Conversation:
    """One trial's socket: calls come in, answers go out, until the harness ends.

    `asked` once a call has come in; `ended` once the harness has said so itself.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        environment: BaseEnvironment,
        record: CallRecord,
        clock: Clock,
        redactor: Redactor,
    ) -> None:
        """Talk over an open connection, keep a record of the calls, and tell the clock of them."""
        self._clock, self._redactor = clock, redactor
        self._reader, self._writer = reader, writer
        self._environment, self._record = environment, record
        self._slots = asyncio.Semaphore(CONCURRENT_CALLS)
        self.asked = self.ended = False

    async def send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        """Write one message."""
        self._writer.write(wire.pack(message, blob))
        await self._writer.drain()

    async def begin(self, order: wire.Order) -> None:
        """Give the order, and wait until the trial is about to load the harness.

        Raises:
            InfrastructureFault: It does not get there. No candidate's code has run yet.
        """
        try:
            async with asyncio.timeout(START_SECONDS):
                await self.send(order._asdict())
                begun = await wire.receive(self._reader)
        except (TimeoutError, OSError, wire.WireError):
            begun = None
        if begun is None or "begun" not in begun[0]:
            raise InfrastructureFault(f"The trial did not start within {START_SECONDS} s.")

    async def serve(self, logs: Path) -> Ending:
        """Answer calls until the harness ends or is gone."""
        answers: set[asyncio.Task[None]] = set()
        try:
            while True:
                async with self._slots:  # a harness that asks faster than it is answered waits
                    received = await wire.receive(self._reader)
                if received is None:
                    return gone(NO_RESULT)
                message, blob = received
                if "end" in message:
                    self.ended = True
                    await asyncio.to_thread(_unpack_logs, blob, logs)
                    return _ending(message)
                self.asked = True
                answer = asyncio.create_task(self._answer(message, blob))
                answers.add(answer)
                answer.add_done_callback(answers.discard)
        except wire.WireError as error:
            return gone(f"the harness broke the protocol: {error}")
        finally:
            for answer in answers:
                answer.cancel()
            await asyncio.gather(*answers, return_exceptions=True)

    async def stop_soon(self, logs: Path) -> None:
        """Ask the harness to stop and hand over its logs; it gets a moment for that."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._stop(logs), GRACE_SECONDS)

    async def _stop(self, logs: Path) -> None:
        if self.ended:
            return
        await self.send({"cancel": True})
        while (received := await wire.receive(self._reader)) is not None:
            if "end" in received[0]:
                _unpack_logs(received[1], logs)
                return

    async def _answer(self, message: dict[str, Any], blob: bytes) -> None:
        async with self._slots:
            started = time.monotonic()
            with self._clock.command():
                answer, data = await serve_call(self._environment, message, blob, self._redactor)
            self._record.add(message, answer, data, time.monotonic() - started)
            with contextlib.suppress(ConnectionError):
                try:
                    await self.send({"id": message.get("id"), **answer}, data)
                except wire.WireError as error:
                    told = {"type": "ValueError", "error": str(error)}
                    await self.send({"id": message.get("id"), **told})


def _ending(message: dict[str, Any]) -> Ending:
    """Read the harness's last message; every field is a claim and may be anything."""
    context = message.get("context")
    if message.get("end") == "done":
        return Ending(None, "", context if isinstance(context, dict) else {})
    told = clean(str(message.get("traceback", "")))[:16384]
    return Ending(clean(str(message.get("error")))[:500], told, {})


def gone(why: str) -> Ending:
    """How a harness ended that says nothing itself."""
    return Ending(why, "", {})


def _unpack_logs(blob: bytes, logs: Path) -> None:
    """What the harness left in its logs directory, as far as it is an archive of plain files."""
    with contextlib.suppress(tarfile.TarError, OSError, ValueError, EOFError):
        unpack(blob, logs, links=False)
