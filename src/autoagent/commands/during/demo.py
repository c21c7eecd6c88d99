"""`autoagent demo`: a whole climb, played by a scripted meta-agent over MCP.

A real client talks to a real server over stdio, and every number comes from sandboxes on
this machine. The meta-agent knows `edits.toml` and the tools' replies, nothing else; what
it was told is compared with what the script expects, and then with the journal.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation, TextContent

from autoagent.commands.before.init import commit_all
from autoagent.commands.during import demo_script
from autoagent.commands.during.demo_script import Demonstration, Edit, Played
from autoagent.environments.sandbox import bubblewrap
from autoagent.errors import AutoAgentError, WorkspaceError
from autoagent.evidence import ledger
from autoagent.workspace.state import STATE_VARIABLE

HARNESS = "agent.py"
LONGEST_SECONDS = 600.0
_LEFTOVERS = shutil.ignore_patterns("__pycache__", ".autoagent", "results.tsv", "jobs", ".git")

Content = dict[str, Any]
"""What a tool says, as data."""
Show = Callable[[Sequence[Played], str], None]
"""Shown each candidate whose fate is known, and what the meta-agent waits for."""


class ToolRefused(AutoAgentError):
    """A tool said no."""


def demonstrate(
    keep: Path | None = None,
    show: Show = lambda _steps, _doing: None,
    *,
    example: Path | None = None,
    longest_seconds: float = LONGEST_SECONDS,
) -> Demonstration:
    """Play a script to its end, or to the first thing that goes otherwise.

    Args:
        keep: An empty or new directory to play in; by default a temporary one, which stays.
        show: Called whenever there is something new to see.
        example: A workspace with an edits.toml; by default the quickstart.
        longest_seconds: How long the climb may take, its certification included.

    Raises:
        AutoAgentError: The climb could not be played at all.
    """
    bubblewrap.require()
    started = time.monotonic()
    place = _place(keep)
    workspace, state = place / "workspace", place / "state"
    example = example or demo_script.quickstart()
    edits = demo_script.load_edits(example / "edits.toml")
    shutil.copytree(example, workspace, ignore=_LEFTOVERS)
    commit_all(workspace, ["."], "Quickstart")
    show((), "the server starts")
    steps, over = anyio.run(_play, workspace, state, edits, show, longest_seconds)
    show(steps, "the journal is replayed")
    verified = _verify(workspace, state)
    rows = ledger.parse((workspace / ledger.LEDGER_NAME).read_text(encoding="utf-8"))
    baseline, final = steps[0].passed or 0, over["incumbent"]["score"]
    problems = [step.problem for step in steps if step.problem]
    problems += demo_script.ledger_problems(steps, [row.status for row in rows])
    problems += [f"verify: {problem}" for problem in verified["problems"]]
    if final["passed"] <= baseline:
        problems.append(f"final: expected more than {baseline} passed, got {final['passed']}")
    elif "Certified: " not in over["message"]:
        problems.append(f"final: expected a certificate, got: {over['message']}")
    return Demonstration(
        workspace=workspace,
        state=state,
        steps=tuple(steps),
        baseline_passed=baseline,
        final_passed=final["passed"],
        expected=final["expected"],
        certified=over["message"],
        ledger=tuple(f"{r.commit} {r.passed} {r.status} {r.description}" for r in rows),
        events=verified["events"],
        decisions=verified["decisions"],
        head=verified["head"],
        seconds=round(time.monotonic() - started, 1),
        problems=tuple(problems),
    )


async def _play(
    workspace: Path, state: Path, edits: list[Edit], show: Show, longest_seconds: float
) -> tuple[list[Played], Content]:
    """Connect, play, hang up: what became of each edit, and what the last reply said."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "autoagent", "serve", "--workspace", str(workspace)],
        env={STATE_VARIABLE: str(state)},
        cwd=workspace,
    )
    log = workspace.parent / "server.log"
    me = Implementation(name="autoagent-demo", version="1")
    try:
        with log.open("w") as errlog, anyio.fail_after(longest_seconds):
            async with Client(stdio_client(server, errlog), client_info=me) as client:
                player = _MetaAgent(client, workspace, show)
                over = await player.climb(edits)
                return player.steps, over
    except (BaseExceptionGroup, MCPError, OSError) as error:
        first = _first(error)
        if isinstance(first, AutoAgentError):
            raise first from None
        if not isinstance(first, (MCPError, OSError)):
            raise
        last = log.read_text(errors="replace").strip().split("\n")[-1]
        raise WorkspaceError(f"The server failed ({first!r}). {log} ends: {last}") from first


def _first(error: BaseException) -> BaseException:
    """What went wrong first, out of however many groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


class _MetaAgent:
    """Plays the game by its tools, as any client would."""

    def __init__(self, client: Client, workspace: Path, show: Show) -> None:
        self._client, self._workspace, self._show = client, workspace, show
        self.steps: list[Played] = []
        self._now = ""

    async def climb(self, edits: list[Edit]) -> Content:
        """The baseline, then edit by edit; stops at the first that ends otherwise than scripted."""
        self._now = "the tasks are proved by their oracles and a no-op"
        await self._settled("start_climb", tag=demo_script.TAG)
        self._now = "baseline"
        self.steps.append(await self._measured("baseline", "the unmodified harness"))
        for edit in edits:
            self._now = edit.name
            self.steps.append(await self._try(edit))
            if self.steps[-1].problem:
                break
        self._now = "baseline and champion are measured afresh"
        return await self._settled("finish_climb")

    async def _try(self, edit: Edit) -> Played:
        """Edit the harness with our own hands, and let the server judge it."""
        harness = self._workspace / HARNESS
        harness.write_text(edit.apply(harness.read_text()))
        try:
            await self._call("commit_candidate", description=edit.description)
        except ToolRefused as refusal:
            await self._call("revert")
            step = Played(
                name=edit.name,
                description=edit.description,
                verdict="refused",
                why=str(refusal),
            )
        else:
            step = await self._measured(edit.name, edit.description)
        why, problem = demo_script.judged(edit, step.verdict, step.why)
        return step.replace(why=why, problem=problem)

    async def _measured(self, name: str, description: str) -> Played:
        """Measure what is committed and have its ledger row written."""
        measured = await self._settled("run_benchmark")
        verdict, score = measured["verdict"], measured["score"]
        if verdict is None:
            raise WorkspaceError(f"{name}: expected a verdict, got: {measured['message']}")
        recorded = await self._call("append_result", description=description)
        return Played(
            name=name,
            description=description,
            verdict=verdict["status"],
            why=verdict["reason"],
            passed=None if verdict["reason"] == "pruned" else score["passed"],
            expected=score["expected"],
            commit=recorded["row"]["commit"],
        )

    async def _settled(self, tool: str, **arguments: Any) -> Content:
        """Call until nothing runs any more: a brief reply, without a phase, loses nothing."""
        while True:
            reply = await self._call(tool, **arguments)
            if "phase" in reply:
                return reply

    async def _call(self, tool: str, **arguments: Any) -> Content:
        """What a tool answered.

        Raises:
            ToolRefused: It said no, and why.
        """
        self._show(self.steps, self._now)
        result = await self._client.call_tool(tool, arguments, progress_callback=self._progress)
        if result.is_error:
            said = [block.text for block in result.content if isinstance(block, TextContent)]
            raise ToolRefused(f"{tool}: {' '.join(said)}")
        return result.structured_content

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        told = message or f"{progress:.0f} of {total or 0:.0f}"
        self._show(self.steps, f"{self._now}: {told}")


def _place(keep: Path | None) -> Path:
    """An empty directory to play in."""
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="autoagent-demo-"))
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise WorkspaceError(f"{keep} is not empty. Name a new directory to --keep the demo in.")
    return keep.resolve()


def _verify(workspace: Path, state: Path) -> Content:
    """What `autoagent verify` says, asked as a human would."""
    done = subprocess.run(
        [sys.executable, "-m", "autoagent", "verify", "--json", "--workspace", str(workspace)],
        env={**os.environ, STATE_VARIABLE: str(state)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout:
        raise WorkspaceError(f"`autoagent verify` failed: {done.stderr.strip()}")
    return json.loads(done.stdout)
