"""A whole climb and a client that plays it to its end, whatever dies on the way.

A baseline, a kept edit with notes, one that is discarded, one that is reverted, another kept one,
and the certificate; with the scripted engine, so that server and worker are one process.
The client knows the last reply, the files, and what it wanted to do: its `Memory`. Commits are
made at one hour, so that they have the same names in every climb.
"""

import fcntl
import json
import mmap
import os
import pickle
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping
from contextlib import closing, redirect_stderr, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, override

from overheads import HARNESS, write_tasks

from autoagent.commands.after.verify import replayed
from autoagent.commands.before.init import make_workspace
from autoagent.evidence import events
from autoagent.evidence.journal import Journal
from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import Script, ScriptedEngine
from autoagent.workspace.git import store
from autoagent.workspace.layout import open_workspace

TASKS = 4
MOST_CALLS = 80
"""Of a client, before a climb counts as stuck; undisturbed it takes 25."""
MOST_SECONDS = 300.0
MAY_RESTORE = ("append_result", "revert", "finish_climb", "start_climb")
CONFIG = "[certify]\npasses = 1\n"
MEMORY = ".agent/notes/tried.md"


IDEAS = (
    ("2", "look.md", "look twice", False),
    ("1", "worse.md", "hurry", False),
    ("3", "undone.md", "changed my mind", True),
    ("4", "check.md", "check the answer", False),
)
"""How many tasks the harness solves then, a note, what it is called, and whether it is reverted."""
FAULTS = ("stuck", "lost", "different", "left over")


class ByContent(ScriptedEngine):
    """What a harness solves is written in it, so a new process scores it as the last one did."""

    @override
    def _script_for(self, spec: EvaluationSpec) -> Script:
        if spec.probes:
            return super()._script_for(spec)
        script: dict[str, list[float]] = {}
        for side, place in spec.harnesses.items():
            skill = skill_of((place / "agent.py").read_text())
            for task in spec.tasks:
                passes = [float(int(task.name[1:]) < int(skill))]
                script[f"{side}:{task.name}" if side else task.name] = passes
        return script


class Died(Exception):
    """The server is gone."""


class Refused(Exception):
    """A tool said no."""


@dataclass
class Memory:
    """What a client knows of its climb."""

    rows: int = 0
    head: str = ""
    """How the journal's hash began that was told last."""
    written: dict[str, str] = field(default_factory=dict[str, str])
    """What an edit that was answered had a file hold, until a call that may change it is made."""
    to_revert: bool = False
    asked: bool = False
    reverted: int = 0

    def wants(self) -> str:
        """All that decides what the client does next; a hash over hours is not of it."""
        return repr((self.rows, self.written, self.to_revert, self.asked, self.reverted))


class Board:
    """Where a client leaves what it knows and whether it waits, for whoever holds its server."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 64 * 1024)

    def leave(self, memory: Memory) -> None:
        told = pickle.dumps(memory)
        self._shared[8 : 8 + len(told)] = told

    def memory(self) -> Memory:
        return pickle.loads(self._shared[8:])

    def waits(self, waits: bool) -> None:
        self._shared[0] = waits

    def settle(self, pipe: int) -> None:
        """Wait until the client has read all that was answered, and waits for more."""
        while _unread(pipe) or not self._shared[0] or _unread(pipe):
            time.sleep(0.0001)


def _unread(pipe: int) -> int:
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]


type Run = Callable[[Callable[[], None], int], None]
"""How a server's process runs: what it does, and the pipe that it answers into."""


def freely(body: Callable[[], None], _: int) -> None:
    """Nobody looks."""
    body()


class Server:
    """A server in a process of its own, spoken to over pipes as any MCP client does."""

    def __init__(self, root: Path, board: Board, run: Run = freely) -> None:
        self._board = board
        ours, its_stdout = os.pipe()
        its_stdin, self._to = os.pipe()
        board.waits(False)
        self.pid: int | None = os.fork()
        if self.pid == 0:
            os.close(ours)
            os.close(self._to)
            os.dup2(its_stdin, 0)
            os.dup2(its_stdout, 1)
            with suppress(BaseException):
                run(lambda: serve(root), 1)
            os._exit(0)
        os.close(its_stdin)
        os.close(its_stdout)
        self._from, self._number, self._rest = ours, 0, b""

    def hello(self) -> None:
        """Begin, as a client does.

        Raises:
            Died: The server did.
        """
        hello: dict[str, Any] = {"protocolVersion": "2025-06-18", "capabilities": {}}
        self._ask("initialize", hello | {"clientInfo": {"name": "torture", "version": "1"}})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's facts.

        Raises:
            Died: The server did, before it answered.
            Refused: The tool said no.
        """
        result = self._ask("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise Refused(f"{tool}: {result['content'][0]['text'][:300]}")
        return result["structuredContent"]

    def close(self, *, kill: bool = False) -> None:
        """Hang up, or kill it, and wait until it is gone."""
        if self.pid is None:
            return
        self._board.waits(True)
        if kill:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._to)
        os.waitpid(self.pid, 0)
        os.close(self._from)
        self.pid = None

    def _ask(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._number += 1
        self._send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        while True:
            answer = json.loads(self._line())
            if answer.get("id") == self._number:
                return answer.get("result") or {"isError": True, "content": [{"text": str(answer)}]}

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            os.write(self._to, json.dumps(message).encode() + b"\n")
        except BrokenPipeError as error:
            raise Died from error

    def _line(self) -> bytes:
        until = time.monotonic() + MOST_SECONDS
        while b"\n" not in self._rest:
            self._board.waits(True)
            if not select.select([self._from], [], [], max(0.0, until - time.monotonic()))[0]:
                raise Refused("no answer in time")
            self._board.waits(False)
            if not (part := os.read(self._from, 65536)):
                raise Died
            self._rest += part
        line, self._rest = self._rest.split(b"\n", 1)
        return line


_place = list[Path]()
_hour = SimpleNamespace(time=lambda: 1_800_000_000)


for _module in ("anyio._backends._asyncio", "harbor.models.task.config", "tomllib"):
    import_module(_module)  # once, and not anew in each server


def _served() -> Referee:
    return Referee.open(_place[0], ByContent({}))


_server = build_server(_served)


def serve(root: Path) -> None:
    """The product's server over stdio, with the scripted engine."""
    _place[:] = [root]
    store.time = _hour
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        _server.run("stdio")


@dataclass
class Played:
    """One climb: how it ended, what was told on the way, and what is there now."""

    calls: int = 0
    stuck: str = ""
    lost: str = ""
    state: dict[str, Any] = field(default_factory=dict[str, Any])
    left: tuple[str, ...] = ()


class Player:
    """A client that knows nothing but the last reply, the files, and its memory."""

    def __init__(self, root: Path, memory: Memory | None = None) -> None:
        self.root, self.memory, self.board = root, memory or Memory(), Board()
        self.played = Played()

    def play(self, known: Callable[[], Played | None] = lambda: None) -> Played:
        """The climb from here to its end, with as many servers as it takes.

        Args:
            known: Asked once a server has come up and said where the climb stands: how it ends
                from there, so that it need not be played.
        """
        played = self.played
        while played.calls < MOST_CALLS and not played.stuck:
            if (ended := self.session(freely, known)) is not None:
                return replace(ended, lost=played.lost or ended.lost)
        played.stuck = played.stuck or f"not over after {MOST_CALLS} calls"
        return played

    def session(self, run: Run, known: Callable[[], Played | None] = lambda: None) -> Played | None:
        """One server's life: how the climb ended, or None where the server died or said no."""
        server = self._connect(run)
        try:
            server.hello()
            status = self._asks(server, "status")
            self._look(status)
            if (before := known()) is not None:
                return before
            if self._on(server, status):
                server.close()
                self.played.left, self.played.state = left_over(self.root), state_of(self.root)
                return self.played
        except Died:
            pass
        except Refused as refused:
            self.played.stuck = str(refused)
        finally:
            server.close(kill=True)
        return None

    def recover(self, run: Run) -> None:
        """A server that comes up, says where the climb stands, and is killed then."""
        server = self._connect(run)
        with suppress(Died, Refused):
            server.hello()
            self._asks(server, "status")
        server.close(kill=True)

    def _connect(self, run: Run) -> Server:
        self.played.calls += 1
        self.board.leave(self.memory)
        return Server(self.root, self.board, run)

    def _look(self, status: Mapping[str, Any]) -> None:
        """Whether all that was told is there."""
        memory, lost = self.memory, list[str]()
        if status["rows"] < memory.rows:
            lost.append(f"{memory.rows} rows were told, {status['rows']} are there")
        for path, text in memory.written.items():
            place = self.root / path
            if not place.is_file() or text not in place.read_text(errors="replace"):
                lost.append(f"{path} was written, and is not so any more")
        if memory.head and not _has_head(self.root, memory.head):
            lost.append(f"the journal was told to be at {memory.head}, and has no such event")
        self.played.lost = self.played.lost or "; ".join(lost)

    def _on(self, server: Server, status: dict[str, Any]) -> bool:
        """Call what comes next until the climb is over; whether it is."""
        while self.played.calls < MOST_CALLS:
            self._look(status)
            self.memory.rows = status["rows"]
            self.memory.head = status["head"] if status["phase"] != "new" else ""
            phase = status["phase"]
            if phase == "finished":
                return True
            tool, given = self._next(server, phase, status)
            self._asks(server, tool, **given)
            status = self._asks(server, "status")
        return False

    def _next(self, server: Server, phase: str, status: Any) -> tuple[str, dict[str, Any]]:
        memory = self.memory
        match phase:
            case "new":
                return "start_climb", {"tag": "night"}
            case "evaluated":
                return "append_result", {} if status["rows"] else {"description": "baseline"}
            case "committed":
                memory.asked = memory.to_revert
                return ("revert" if memory.to_revert else "run_benchmark"), {}
            case "idle":
                return self._idle(server, status)
            case "validating":
                return "status", {}
            case "certifying":
                return "finish_climb", {}
            case _:
                return "run_benchmark", {}

    def _idle(self, server: Server, status: Any) -> tuple[str, dict[str, Any]]:
        """The next idea's edits, each once, and then its commit."""
        memory = self.memory
        if memory.asked:
            memory.asked, memory.reverted = False, 1
        done: int = status["rows"] - 1 + memory.reverted
        if done >= len(IDEAS):
            return "finish_climb", {}
        skill, note, name, memory.to_revert = IDEAS[done]
        harness = self.root / "agent.py"
        has = skill_of(harness.read_text())
        if has != skill:
            self._edit(server, "agent.py", f"SKILL = {has}\n", f"SKILL = {skill}\n")
        if not (self.root / ".agent" / note).exists():
            self._edit(server, f".agent/{note}", "", f"{name}\n")
        self._remember(server, name)
        return "commit_candidate", {"description": name}

    def _remember(self, server: Server, name: str) -> None:
        """The memory that no discard takes away."""
        memory = self.root / MEMORY
        if not memory.exists():
            self._edit(server, MEMORY, "", f"{name}\n.\n")
        elif name not in memory.read_text():
            self._edit(server, MEMORY, "\n.\n", f"\n{name}\n.\n")

    def _edit(self, server: Server, path: str, old: str, new: str) -> None:
        self._asks(server, "edit_file", path=path, old=old, new=new)
        self.memory.written[path] = new

    def _asks(self, server: Server, tool: str, **given: Any) -> dict[str, Any]:
        if tool in MAY_RESTORE:  # but for the memory, which no call takes away
            self.memory.written = {p: t for p, t in self.memory.written.items() if p == MEMORY}
        self.board.leave(self.memory)
        self.played.calls += 1
        return server.call(tool, **given)


def _has_head(root: Path, head: str) -> bool:
    """Whether an event of the journal has a hash that begins so."""
    with closing(Journal(open_workspace(root).journal, read_only=True)) as journal:
        return any(entry.hash.startswith(head) for entry in journal.entries())


def skill_of(harness: str) -> str:
    """How many tasks a harness says that it solves."""
    return next(line for line in harness.splitlines() if line.startswith("SKILL = "))[8:]


def state_of(root: Path) -> dict[str, Any]:
    """What a climb left: everything that a human or the next climb reads, without ids and hours."""
    workspace = open_workspace(root)
    rows = [line.split("\t")[1:] for line in (root / "results.tsv").read_text().splitlines()]
    notes = sorted((root / ".agent").rglob("*")) if (root / ".agent").exists() else []
    git = ["git", "-C", str(root), "ls-tree", "-r", "autoagent/night"]
    branch = subprocess.run(git, capture_output=True, text=True)
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        told = [entry.event for entry in journal.entries()]
    measured = {  # a set: this engine plays an evaluation that is resumed from its beginning
        (e.trial.id, e.trial.outcome) for e in told if isinstance(e, events.TrialFinished)
    }
    audit = replayed(root)
    certificate = audit.position.certificate
    return {
        "rows": rows,
        "agent.py": (root / "agent.py").read_text(),
        "notes": {
            path.relative_to(root).as_posix(): path.read_text() for path in notes if path.is_file()
        },
        "branch": branch.stdout or branch.stderr,
        "certificate": str(certificate and certificate.effect),
        "trials": sorted(measured),
        "verify": list(audit.problems),
        "phase": audit.position.phase,
    }


def left_over(root: Path) -> tuple[str, ...]:
    """What somebody who was killed left, where the next one would find it."""
    state = open_workspace(root).state
    found = [
        str(path)
        for place in (root, state)
        for pattern in ("*.tmp", "*.lock", "tmp_*", "restoring*", "*.part")
        for path in place.rglob(pattern)
    ]
    kept = {str(open_workspace(root).lock)}
    return tuple(sorted({*found} - kept))


def prepare(place: Path) -> Path:
    """A workspace, committed, whose tasks the scripted engine solves by their number."""
    root = place / "workspace"
    make_workspace(root)
    shutil.rmtree(root / "tasks")
    shutil.rmtree(root / ".git", ignore_errors=True)
    write_tasks(root / "tasks", TASKS)
    (root / "agent.py").write_text("SKILL = 1\n" + HARNESS)
    (root / "autoagent.toml").write_text(CONFIG)
    command = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for arguments in (
        ["init", "-q", "--template="],
        ["add", "-A"],
        ["commit", "-q", "-m", "start"],
    ):
        subprocess.run([*command, *arguments], check=True, capture_output=True)
    return root
