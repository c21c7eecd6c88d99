"""Calls to the referee, one at a time, and how long a client may be kept waiting.

Trials run in a process of their own, so waiting is only a courtesy: a call that gives up
early, is cancelled or dies with its client loses nothing.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import anyio
import anyio.to_thread

from autoagent.errors import AutoAgentError, JournalError, WorkspaceBusy
from autoagent.records import STAND_IN
from autoagent.referee.telling.views import Progress
from autoagent.workspace import disks

if TYPE_CHECKING:
    from autoagent.evidence.position import Position
    from autoagent.referee.referee import Referee
    from autoagent.server.page import PageWriter

logger = logging.getLogger(__name__)

UNLIMITED = float("inf")
UNKNOWN_CLIENT_SECONDS = 40.0
"""Below the wall of 45 s that some clients have, by what an answer takes on its way."""


class Client(NamedTuple):
    """Who is calling. `hears_progress`: this call asked for progress notifications."""

    name: str
    hears_progress: bool


class CallLimit(NamedTuple):
    """How long a client's tool call may take, by what was measured (November 2026)."""

    prefix: str
    with_progress: float
    in_silence: float


CALL_LIMITS = (
    CallLimit("claude-code", UNLIMITED, 240.0),
    CallLimit("codex", 240.0, 240.0),
    CallLimit("gemini-cli", 540.0, 540.0),
    CallLimit("opencode", UNLIMITED, UNKNOWN_CLIENT_SECONDS),
)
"""Claude Desktop (`claude-ai`) and everybody else: 40 s. Progress moves the limit of the first
and the last; Codex and Gemini have hard caps of 300 and 600 s whatever they hear."""


def patience(client: Client) -> float:
    """Seconds a call of this client may wait."""
    for known in CALL_LIMITS:
        if client.name.lower().startswith(known.prefix):
            return known.with_progress if client.hears_progress else known.in_silence
    return UNKNOWN_CLIENT_SECONDS


@dataclass(frozen=True)
class Waiting:
    """The clocks of a waiting call."""

    patience: Callable[[Client], float] = patience
    poll_seconds: float = 0.1
    heartbeat_seconds: float = 15.0


class CallQueue:
    """Makes calls to one referee, one at a time, each in a worker thread.

    The referee is opened by the first call that needs it. When that fails the call is
    refused with the reason and the next one tries again: a server that died of it would be
    lost to its client for the whole session. Where another process referees, calls that read are
    answered by an onlooker, and the others are refused with who that is.
    """

    def __init__(
        self,
        opener: "Callable[[], Referee]",
        waiting: Waiting,
        look: "Callable[[WorkspaceBusy], Referee] | None" = None,
        page: "PageWriter | None" = None,
    ) -> None:
        self.waiting, self._page = waiting, page
        self._opener, self._look, self._referee = opener, look, None
        self._lock = anyio.Lock()

    async def ask[T](self, call: "Callable[[Referee], T]") -> T:
        """Make a call. A cancelled task waits for its call to return, which is quick.

        Raises:
            AutoAgentError: The call was refused, or the workspace cannot be opened.
        """

        def work() -> T:
            referee = self._opened()
            try:
                with disks.told(referee.workspace):
                    return call(referee)
            except AutoAgentError as error:
                referee.refused(error)
                raise
            finally:
                if referee is not self._referee:
                    referee.close()
                else:
                    referee.show()
                    if self._page:
                        self._page.look(referee.position)

        async with self._lock:
            return await anyio.to_thread.run_sync(work)

    def _opened(self) -> "Referee":
        """The referee, or an onlooker for this call alone."""
        if self._referee is None:
            try:
                self._referee = self._opener()
            except WorkspaceBusy as busy:
                if self._look is None:
                    raise
                try:
                    return self._look(busy)
                except JournalError:  # nothing to read: it referees with another state
                    raise busy from None
        return self._referee

    async def ask_settled[T](self, call: "Callable[[Referee], T]") -> T:
        """Settle what workers have done since the last call, then make this one.

        Raises:
            AutoAgentError: Settling or the call was refused.
        """
        return await self.ask(lambda referee: (referee.advance(), call(referee))[1])

    async def warm_up(self) -> None:
        """Open the referee before somebody waits for it; what fails is told to the first caller."""
        try:
            await self.ask(lambda _: None)
        except AutoAgentError as error:
            logger.warning("%s", error)
        except Exception:
            logger.exception("the workspace could not be opened")

    async def follow(
        self,
        finished: "Callable[[Position], bool]",
        client: Client,
        report: Callable[[float, float, str], Awaitable[None]],
    ) -> bool:
        """Wait until the referee says so, telling of every trial that ended.

        Returns:
            Whether it finished; False when this client must not be kept any longer.

        Raises:
            AutoAgentError: What is waited for cannot go on.
        """
        pulse, begun = Pulse(self.waiting.heartbeat_seconds), anyio.current_time()
        leave_at = begun + self.waiting.patience(client)
        while True:
            position, progress = await self.ask(lambda r: (r.advance(), r.progress()))
            if finished(position):
                return True
            now = anyio.current_time()
            if progress and (beat := pulse.beat(progress, now)):
                await report(*beat)
            if now >= leave_at:
                return False
            await anyio.sleep(min(self.waiting.poll_seconds, leave_at - now))

    def close(self) -> None:
        """Let go of the workspace, if it was ever opened; the next call opens it again."""
        if self._referee is not None:
            self._referee.close()
            self._referee = None


class Pulse:
    """Decides when there is something to tell, and numbers it so that it only ever rises.

    A waiting call may see several evaluations (the oracle's, then the no-op's): their trials
    are added up. A heartbeat between two trials moves the number by a thousandth.
    """

    def __init__(self, heartbeat_seconds: float) -> None:
        self._heartbeat_seconds = heartbeat_seconds
        self._last: Progress | None = None
        self._before, self._told, self._told_at = 0, -1.0, 0.0

    def beat(self, progress: Progress, clock: float) -> tuple[float, float, str] | None:
        """Progress, total and message of the notification that is due, or None."""
        last = self._last
        early = clock < self._told_at + self._heartbeat_seconds
        if last is not None and last.evaluation != progress.evaluation:
            self._before += last.expected
        elif last is not None and early and _facts(last) == _facts(progress):
            return None
        self._last, self._told_at = progress, clock
        self._told = max(float(self._before + progress.done), round(self._told + 0.001, 3))
        return self._told, float(self._before + progress.expected), sentence(progress)


def _facts(progress: Progress) -> tuple[object, ...]:
    return progress.done, progress.void, progress.last


def sentence(progress: Progress) -> str:
    """Where an evaluation is, in one line for a terminal."""
    words = f"{progress.evaluation} ({progress.kind}): {progress.done}/{progress.expected} trials"
    words += f", {progress.passed} passed" if progress.kind != "noop" else ""
    words += f" ({STAND_IN})" if progress.stand_in else ""
    words += f", {progress.void} void" if progress.void else ""
    words += f", {progress.seconds:.0f} s"
    last = progress.last
    return f"{words}; last {last.task} {last.outcome} in {last.seconds:.1f} s" if last else words
