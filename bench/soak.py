"""Soak: a climb that goes on for ever, and what grows meanwhile in the server and on the disk.

    .venv/bin/python bench/soak.py [--iterations N] [--real N] [--json] [--check]

A real MCP client over stdio plays edit, commit, benchmark and row again and again: 5,000 times with
the scripted engine, so that the server is all that works, then 500 times with real trials of a
task that copies a line. Nearly all of it is discarded, as in a night; one in a hundred is kept.

- *memory*: the server's own, in the last tenth of the climb against the second tenth;
- *a reply*: processor time of each tool in the last tenth against the second, both against a
  yardstick that was measured in turn with them;
- *left*: descriptors, processes, control groups, copies of harnesses, temporary files.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import measured
from climbing import ByContent
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from measured import Figure
from overheads import HARNESS, make_workspace

from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.worker.engine import EvaluationSpec
from autoagent.workspace.layout import open_workspace

TASKS = 8
GROWTH = 1.05
"""Of memory, from the second tenth to the last."""
SLOWER = 1.3
"""Of a reply, likewise."""
SCRIPTED = HARNESS.replace("\n\nasync def", "\nSKILL = 1\nTURN = 0\n\n\nasync def", 1)
LOOKS: tuple[tuple[str, dict[str, str]], ...] = (
    ("status", {}),
    ("compare", {}),
    ("diagnose", {}),
    ("read_file", {"path": "results.tsv"}),
    ("read_file", {"path": "tried.md"}),
)


class Forgetful(ByContent):
    """The double remembers what it played for who tests; here that would be a leak of its own."""

    def start(self, spec: EvaluationSpec) -> None:
        """Play, and forget."""
        super().start(spec)
        self.started.clear()
        self._assigned.clear()


class Climb:
    """A climb that is played through a client, its calls counted."""

    def __init__(self, client: Client, calls: measured.Calls, iterations: int) -> None:
        self._client, self.calls, self.iterations = client, calls, iterations
        self._skill, self._turn = 1, 0
        self.memory: list[int] = []
        self.yardsticks: list[float] = []
        self.descriptors: list[int] = []

    async def play(self) -> None:
        """Baseline and all iterations; the climb stays open."""
        await self.call("start_climb", tag="soak")
        await self.call("run_benchmark")
        await self.call("append_result", description="baseline")
        for number in range(1, self.iterations + 1):
            await self._iteration(number)
            if number % max(1, self.iterations // 200) == 0:
                await self._look()

    async def _iteration(self, number: int) -> None:
        better = number % max(2, self.iterations // 10) == 0 and self._skill < TASKS
        skill = self._skill + 1 if better else self._skill - 1
        await self.call(
            "edit_file",
            path="agent.py",
            old=f"SKILL = {self._skill}\nTURN = {self._turn}\n",
            new=f"SKILL = {skill}\nTURN = {number}\n",
        )
        await self.call("commit_candidate", description=f"turn {number}")
        await self.call("run_benchmark")
        told = await self.call("append_result")
        if told["row"]["status"] == "keep":
            self._skill, self._turn = skill, number

    async def _look(self) -> None:
        pid = self.calls.pid
        for tool, given in LOOKS:
            await self.call(tool, **given)
        self.yardsticks.append(measured.yardstick())
        self.memory.append(measured.memory_bytes(pid))
        self.descriptors.append(measured.descriptors(pid))

    async def call(self, tool: str, **given: Any) -> dict[str, Any]:
        """A tool's facts; one that says `running` is called again, and counts as one call."""
        with self.calls.counted(f"{tool} {given['path']}" if tool == "read_file" else tool):
            while True:
                result = await self._client.call_tool(tool, given)
                said: dict[str, Any] = result.structured_content or {}
                if result.is_error:
                    raise SystemExit(f"{tool}: {result.content}")
                if "phase" in said:
                    return said


def figures(name: str, climb: Climb, left: dict[str, int]) -> list[Figure]:
    """What the climb came to."""

    def tenths[T](values: list[T]) -> tuple[list[T], list[T]]:
        tenth = max(1, len(values) // 10)
        return values[tenth : 2 * tenth], values[-tenth:]

    early, late = map(measured.median, tenths(list(map(float, climb.memory))))
    found = [
        Figure(f"{name}: iterations", measured.exactly(climb.iterations)),
        Figure(f"{name}: memory early", early.times(1e-6), unit="MB"),
        Figure(f"{name}: memory late", late.times(1e-6), unit="MB"),
        Figure(f"{name}: memory late / early", late.of(early), GROWTH),
    ]
    slow = [measured.median(each) for each in tenths(climb.yardsticks)]
    for tool, seconds in climb.calls.seconds.items():
        if len(seconds) < 40:
            continue
        before, after = map(measured.median, tenths(seconds))
        found.append(Figure(f"{name}: {tool}, late", after.times(1e3), unit="ms"))
        ratio = after.of(slow[1]).of(before.of(slow[0]))
        found.append(Figure(f"{name}: {tool}, late / early", ratio, SLOWER))
    then, now = climb.descriptors[0], climb.descriptors[-1]
    counts = {"descriptors": now - then, **left}
    found += [Figure(f"{name}: {what} left", measured.exactly(n), 0) for what, n in counts.items()]
    return found


def left_behind(place: Path, root: Path, server: int) -> dict[str, int]:
    """What is there after a climb that nobody needs any more.

    The last worker is collected when the next one starts, so one that ended may be there.
    """
    state = open_workspace(root).state
    temporary = [
        path
        for pattern in ("*.tmp", "*.lock", "tmp_*", "restoring*", "*.part")
        for path in place.rglob(pattern)
        if path not in (state / "lock",) and path.name != "worker.lock"
    ]
    copies = [*state.glob("evaluations/*/harness*"), *state.glob("evaluations/*/scratch")]
    aside = [*state.glob("aside/*")]
    return {
        "processes": max(0, len(measured.children(server)) - 1) + len(processes_in(place)),
        "control groups": len(list(Path("/sys/fs/cgroup").rglob("autoagent*/*/cgroup.procs"))),
        "temporary files": len(temporary),
        "copies of harnesses": len(copies),
        "directories set aside beyond 100": max(0, len(aside) - 100),
    }


def processes_in(place: Path) -> list[int]:
    """Processes, but for the server, whose command line names a directory."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and str(place) in (entry / "cmdline").read_text():
                found.append(int(entry.name))
    return [pid for pid in found if "serve" not in Path(f"/proc/{pid}/cmdline").read_text()]


async def soak(
    name: str, command: Callable[[Path], list[str]], iterations: int, tasks: int
) -> list[Figure]:
    """One climb in a workspace of its own."""
    place = Path(tempfile.mkdtemp(prefix="autoagent-soak-")).resolve()
    os.environ["AUTOAGENT_STATE_DIR"] = str(place / "state")
    os.environ["TMPDIR"] = str(place / "tmp")
    (place / "tmp").mkdir()
    try:
        root = make_workspace(place, tasks, SCRIPTED)
        words = command(root)
        parameters = StdioServerParameters(command=words[0], args=words[1:], env=dict(os.environ))
        before = set(measured.children(os.getpid()))
        async with Client(stdio_client(parameters)) as client:
            (server,) = set(measured.children(os.getpid())) - before
            climb = Climb(client, measured.Calls(server), iterations)
            await climb.play()
            for _ in range(100):  # the last worker is at its very end, and then nobody's child
                if not processes_in(place):
                    break
                await asyncio.sleep(0.1)
            return figures(name, climb, left_behind(place, root, server))
    finally:
        os.environ.pop("TMPDIR")
        shutil.rmtree(place, ignore_errors=True)


def serve(root: Path) -> None:
    """The product's server over stdio, with the scripted engine."""
    build_server(lambda: Referee.open(root, Forgetful({}))).run("stdio")


def main() -> int:
    """Play both, and print a line for each figure."""
    options = measured.asked(
        __doc__,
        lambda p: p.add_argument("--iterations", type=int, default=5000, help="of the scripted"),
        lambda p: p.add_argument("--real", type=int, default=500, help="iterations with trials"),
        lambda p: p.add_argument("--serve", type=Path, help=argparse.SUPPRESS),
    )
    if options.serve:
        serve(options.serve)
        return 0
    found: list[Figure] = []
    if options.iterations:
        scripted = [sys.executable, str(Path(__file__).resolve()), "--serve"]
        found += asyncio.run(
            soak("scripted", lambda root: [*scripted, str(root)], options.iterations, TASKS)
        )
    if options.real:
        real = [sys.executable, "-m", "autoagent", "serve", "--workspace"]
        found += asyncio.run(soak("real", lambda root: [*real, str(root)], options.real, 1))
    return measured.told(found, options)


if __name__ == "__main__":
    sys.exit(main())
