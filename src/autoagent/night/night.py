"""The night: sessions one after another, until the climb or the night is over.

A session is an agent process. One that died or stalled is followed by another after a pause that
doubles while nothing comes of it; one that stops to ask is told to go on. What was measured is in
the journal, so no session has to remember another.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, cast

import anyio
from acp import PROTOCOL_VERSION, RequestError, text_block
from acp.client.connection import ClientSideConnection
from acp.schema import (
    ClientCapabilities,
    EnvVariable,
    FileSystemCapabilities,
    Implementation,
    McpServerStdio,
)
from pydantic import ValidationError

from autoagent.config import Night as Terms
from autoagent.errors import AutoAgentError
from autoagent.evidence.position import Position
from autoagent.night.agent import Hands, connected
from autoagent.night.attention import Attention
from autoagent.night.closing import close
from autoagent.night.ending import Ending, judged
from autoagent.night.log import Log
from autoagent.night.notice import facts, tell
from autoagent.night.policy import SERVER, Policy
from autoagent.night.schedule import Deadline, window
from autoagent.night.standing import Stand, look
from autoagent.workspace.layout import Workspace, WorkspaceLock


class Reason(StrEnum):
    """Why a session ended; after the last three another one is started."""

    FINISHED = "the climb is over"
    UNTIL = "the hour has come"
    STOPPED = "the STOP file asks for the end"
    DOLLARS = "the agent's own dollars are spent (night.dollars)"
    TURNS = "the agent had all its turns (night.turns)"
    SESSIONS = "the agent had all its sessions (night.sessions)"
    UNUSABLE = "no session could be opened"
    DIED = "the agent died"
    STALLED = "the agent stalled"
    STUCK = "the agent ends its turns and nothing comes of them"


AGAIN = (Reason.DIED, Reason.STALLED, Reason.STUCK)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a night cleanly; the last is a terminal that was closed."""
WANTED = (Reason.UNTIL, Reason.STOPPED)
"""Ends that the human asked for: no fault of an agent that has not opened a session by then."""
PULSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
OPENING_SECONDS = 180.0
"""How long an agent may take to open a session, where that is more than it may stall."""
IDLE_TURNS = 3
"""Turns in a row without a move, after which a session is given up."""
UNOPENED = 3
"""Attempts to open a first session."""
TALK_SECONDS = 300.0
"""How long an agent may go on once the climb is over."""
ASKING = ("default", "workspace-write")
"""How Claude Code and Codex call the mode in which they ask us; in others they ask themselves."""
AUTH_REQUIRED = -32000
PASSED_ON = ("HOME", "PATH", "XDG_STATE_HOME", "AUTOAGENT_STATE_DIR")
"""Variables that decide which state a server finds; some agents hand on none of their own."""


class Prompts(NamedTuple):
    """What an agent is told first: to start a climb of this tag, or to go on with one."""

    begin: Callable[[str], str]
    resume: Callable[[], str]


async def play(
    workspace: Workspace, terms: Terms, prompts: Prompts, show: Callable[[str], None]
) -> Ending:
    """Wait for the hour, play, end the climb, and tell the human.

    A signal ends it at once: the agent's processes are ended, an evaluation is left to run.

    Raises:
        WorkspaceBusy: Another night is played here.
    """
    with WorkspaceLock(workspace.state / "night.lock"):
        night = _Night(workspace, terms, prompts, Log(workspace.output / "night", show))
        return await night.play()


class _Night:
    def __init__(self, workspace: Workspace, terms: Terms, prompts: Prompts, log: Log) -> None:
        self._workspace, self._terms, self._prompts, self._log = workspace, terms, prompts, log
        self._hands = Hands(Policy(workspace, terms.allow), log)
        self._stall = terms.stall_minutes * 60
        self._pulse = min(PULSE_SECONDS, self._stall / 4)
        self._window = window(terms.at, terms.until, time.time())
        self._deadline = Deadline(None)
        self._earlier = ""  # the climb that was over before this night
        self._opened = self._sessions = self._turns = 0
        self._opening = True
        self._over_at: float | None = None

    async def play(self) -> Ending:
        ending = Ending(1, "the night failed")
        try:
            ending = await self._until_signalled()
        except* AutoAgentError as errors:
            ending = Ending(2, str(_first(errors)))
        finally:
            self._log("ended", ending.message, code=ending.code)
            with anyio.CancelScope(shield=True):
                told = self._facts("ended", ending.message) | {"code": ending.code}
                await tell(told, self._terms.webhook, self._log)
        return ending

    async def _until_signalled(self) -> Ending:
        ending = Ending(1, "")

        async def listen(scope: anyio.CancelScope) -> None:
            nonlocal ending
            with anyio.open_signal_receiver(*ENDING) as signals:
                async for number in signals:
                    left = "; what is being measured goes on, and the next night rejoins it"
                    ending = Ending(128 + number, f"ended by {signal.Signals(number).name}{left}")
                    scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(listen, group.cancel_scope)
            ending = await self._whole()
            group.cancel_scope.cancel()
        return ending

    async def _whole(self) -> Ending:
        start, end = self._window
        if (wait := start - time.time()) > 0:
            self._log("waiting", f"{wait / 3600:.1f} h, until {_hour(start)}")
        while True:
            wait = start - time.time()
            await anyio.sleep(max(0.0, min(wait, 30.0)))  # piece by piece: the clock may be set
            if wait <= 0:
                break
        with WorkspaceLock(self._workspace.lock):
            pass  # whoever serves it now would be in the way of the agent's own server
        self._deadline = Deadline(end)
        stand = look(self._workspace)
        self._earlier = stand.position.tag if stand.position.phase == "finished" else ""
        self._log("started", f"{'' if end is None else f'until {_hour(end)}; '}{stand.words()}")
        reason = Reason.DIED
        async with anyio.create_task_group() as group:
            group.start_soon(self._attend)
            reason = await self._sessions_of()
            group.cancel_scope.cancel()
        self._log("over", reason)
        if self._sessions and not self._opened and reason not in WANTED:
            return Ending(3, f"{reason}; see {self._log.agent}")
        return judged(reason, await close(self._workspace, self._log))

    async def _attend(self) -> None:
        """Tell the human what cannot wait for the morning."""
        attention = Attention(self._workspace, self._terms)
        while True:
            for news in attention.news(look(self._workspace), time.monotonic()):
                self._log(news.event, news.message)
                told = self._facts(news.event, news.message)
                await tell(told, self._terms.webhook, self._log)
            await anyio.sleep(self._pulse)

    async def _sessions_of(self) -> Reason:
        """Session after session; why there is no more."""
        fruitless = 0
        while self._sessions < self._terms.sessions:
            stand, seconds = look(self._workspace), time.monotonic()
            self._hands.active, self._opening, head = seconds, True, stand.head
            if ended := self._ending(stand):  # a STOP file lies there already, say
                return ended
            self._sessions += 1
            reason = await self._session()
            if reason not in AGAIN:
                return reason
            fruitless = fruitless + 1 if look(self._workspace).head == head else 0
            if not self._opened and fruitless >= UNOPENED:
                return Reason.UNUSABLE
            pause = min(LONGEST_PAUSE_SECONDS, 2.0**fruitless)
            lasted = f"after {time.monotonic() - seconds:.0f} s; another one in {pause:.0f} s"
            self._log("session", f"{reason} {lasted}", reason=reason.name.lower())
            if ended := await self._pause(pause):
                return ended
        return Reason.SESSIONS

    async def _pause(self, seconds: float) -> Reason | None:
        """Wait; why the night is over meanwhile, or None."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            await anyio.sleep(min(left, self._pulse))
            self._hands.active = time.monotonic()
            if reason := self._ending(look(self._workspace)):
                return reason
        return None

    async def _ended(self) -> Reason:
        """Look until the session has to end; why."""
        while True:
            await anyio.sleep(self._pulse)
            if reason := self._ending(look(self._workspace)):
                return reason

    async def _session(self) -> Reason:
        """One agent process, from its start to its end."""
        reason = Reason.DIED

        async def watch(scope: anyio.CancelScope) -> None:
            nonlocal reason
            reason = await self._ended()
            scope.cancel()

        command, hands = self._terms.agent, self._hands
        async with connected(command, self._workspace.root, hands, self._log.agent) as (agent, pid):
            self._log("session", f"{self._sessions}: {' '.join(command)}", pid=pid)
            async with anyio.create_task_group() as group:
                group.start_soon(watch, group.cancel_scope)
                try:
                    reason = await self._converse(agent)
                except RequestError as error:
                    self._log("error", f"the agent answers {error.code}: {error}", data=error.data)
                    reason = Reason.UNUSABLE if error.code == AUTH_REQUIRED else Reason.DIED
                except (ConnectionError, ValidationError) as error:
                    self._log("error", f"{type(error).__name__}: {error}")
                group.cancel_scope.cancel()
        hands.rest()
        return reason

    async def _converse(self, agent: ClientSideConnection) -> Reason:
        """Open a session and prompt it until nothing is left to do."""
        await agent.initialize(
            PROTOCOL_VERSION,
            ClientCapabilities(
                fs=FileSystemCapabilities(read_text_file=True, write_text_file=True)
            ),
            Implementation(name="autoagent-night", title="AutoAgent", version="1"),
        )
        root = str(self._workspace.root)
        session = await agent.new_session(cwd=root, mcp_servers=[_server(root)])
        self._opened, self._opening = self._opened + 1, False
        if session.modes is not None and session.modes.current_mode_id not in ASKING:
            for mode in {mode.id for mode in session.modes.available_modes}.intersection(ASKING):
                await agent.set_session_mode(session_id=session.session_id, mode_id=mode)
        prompt, idle = self._first(look(self._workspace)), 0
        while self._turns < self._terms.turns:
            self._turns += 1
            head, self._hands.active = look(self._workspace).head, time.monotonic()
            self._log("prompt", prompt)
            answer = await agent.prompt(session_id=session.session_id, prompt=[text_block(prompt)])
            self._hands.rest()
            self._log("turn", f"{self._turns} ends: {answer.stop_reason}")
            stand = await self._measured()
            if self._is_over(stand.position):
                return Reason.FINISHED
            self._hands.active = time.monotonic()
            if ended := self._ending(stand):  # before another turn costs more
                return ended
            idle = idle + 1 if stand.head == head else 0
            if idle >= IDLE_TURNS:
                return Reason.STUCK
            prompt = self._nudge(stand)
        return Reason.TURNS

    async def _measured(self) -> Stand:
        """Wait for what runs, which costs nothing; another turn would."""
        while True:
            stand = look(self._workspace)
            if not stand.measuring:
                return stand
            await anyio.sleep(self._pulse)

    def _first(self, stand: Stand) -> str:
        if stand.position.phase in ("new", "finished"):
            return self._prompts.begin(time.strftime("night-%Y-%m-%d-%H%M%S"))
        return self._prompts.resume()

    def _nudge(self, stand: Stand) -> str:
        return (
            f"Go on: nobody is there to answer, so decide yourself. {stand.words()} "
            "status() names the next call. The climb ends when a reply says that the budget is "
            "used up; then finish_climb()."
        )

    def _is_over(self, position: Position) -> bool:
        return position.phase == "finished" and position.tag != self._earlier

    def _ending(self, stand: Stand) -> Reason | None:
        """Why the session that runs has to end now, or None."""
        now, hands = time.monotonic(), self._hands
        if stand.measuring:  # whoever waits for that does not stall
            hands.active = now
        if self._is_over(stand.position):
            self._over_at = self._over_at or now
            if now - self._over_at > min(TALK_SECONDS, self._stall):
                return Reason.FINISHED
        if self._workspace.stop_file.exists():
            return Reason.STOPPED
        if self._deadline.left() <= stand.certifying_seconds:
            return Reason.UNTIL
        if self._terms.dollars is not None and hands.dollars >= self._terms.dollars:
            return Reason.DOLLARS
        patience = max(OPENING_SECONDS, self._stall) if self._opening else self._stall
        return Reason.STALLED if now - hands.active > patience else None

    def _facts(self, event: str, message: str) -> dict[str, Any]:
        """What the human is told, as JSON."""
        try:
            position = look(self._workspace).position
        except AutoAgentError:
            position = Position()
        return facts(self._workspace.root, position, event, message) | {
            "sessions": self._sessions,
            "turns": self._turns,
            "agent_dollars": round(self._hands.dollars, 4),
            "log": str(self._log.path),
        }


def _first(error: BaseException) -> BaseException:
    """What went wrong first, out of however many groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def _server(root: str) -> McpServerStdio:
    """Our own MCP server, as a session is told to start it."""
    return McpServerStdio(
        name=SERVER,
        command=sys.executable,
        args=["-m", "autoagent", "serve", "--workspace", root],
        env=[EnvVariable(name=n, value=os.environ[n]) for n in PASSED_ON if n in os.environ],
    )


def _hour(instant: float) -> str:
    return time.strftime("%A %H:%M", time.localtime(instant))
