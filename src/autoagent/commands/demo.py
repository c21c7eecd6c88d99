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
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation, TextContent

from autoagent.commands import demo_script
from autoagent.commands.demo_script import Demonstration, Edit, Played
from autoagent.commands.init import commit_all
from autoagent.environments.sandbox import bubblewrap
from autoagent.errors import AutoAgentError, WorkspaceError
from autoagent.evidence import ledger
from autoagent.workspace.layout import STATE_VARIABLE

TAG = "demo"
HARNESS = "agent.py"
LONGEST_SECONDS = 600.0
_LEFTOVERS = shutil.ignore_patterns("__pycache__", ".autoagent", "results.tsv", "jobs", ".git")

Content = dict[str, Any]
"""What a tool says, as data."""
OnPlayed = Callable[[Played], None]
Doing = Callable[[str], None]


class ToolRefused(AutoAgentError):
    """A tool said no."""


def _nobody(_: Any) -> None:
    """Tell nobody."""


def demonstrate(
    keep: Path | None = None,
    on_played: OnPlayed = _nobody,
    doing: Doing = _nobody,
    *,
    example: Path | None = None,
    longest_seconds: float = LONGEST_SECONDS,
) -> Demonstration:
    """Play a script to its end, or to the first thing that goes otherwise.

    Args:
        keep: An empty or new directory to play in; by default a temporary one, which stays.
        on_played: Told of the baseline and of each edit when its fate is known.
        doing: Told what the meta-agent waits for.
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
    steps: list[Played] = []

    def played(step: Played) -> None:
        steps.append(step)
        on_played(step)

    doing("the server starts")
    final = anyio.run(_play, workspace, state, edits, played, doing, longest_seconds)
    doing("the journal is replayed")
    verified = _verify(workspace, state)
    return Demonstration(
        workspace=workspace,
        state=state,
        **_checked(workspace, steps, final, verified["problems"]),
        events=verified["events"],
        decisions=verified["decisions"],
        head=verified["head"],
        seconds=round(time.monotonic() - started, 1),
    )


class Final(NamedTuple):
    """What the last incumbent passed, of how many, and what the climb is worth, in words."""

    passed: int
    expected: int
    worth: str


def _checked(workspace: Path, steps: list[Played], final: Final, problems: list[str]) -> Content:
    """What came of the script, and all that went otherwise than it expects."""
    rows = ledger.parse((workspace / ledger.LEDGER_NAME).read_text(encoding="utf-8"))
    baseline = steps[0].passed or 0
    found = [step.problem for step in steps if step.problem]
    found += demo_script.ledger_problems(steps, [row.status for row in rows])
    found += [f"verify: {problem}" for problem in problems]
    if final.passed <= baseline:
        found.append(f"final: expected more than {baseline} passed, got {final.passed}")
    elif "Certified: " not in final.worth:
        found.append(f"final: expected a certificate, got: {final.worth}")
    return {
        "steps": tuple(steps),
        "baseline_passed": baseline,
        "final_passed": final.passed,
        "expected": final.expected,
        "certified": final.worth,
        "ledger": tuple(f"{r.commit} {r.passed} {r.status} {r.description}" for r in rows),
        "problems": tuple(found),
    }


async def _play(
    workspace: Path,
    state: Path,
    edits: list[Edit],
    played: OnPlayed,
    doing: Doing,
    longest_seconds: float,
) -> Final:
    """Connect, play, hang up."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "autoagent", "serve", "--workspace", str(workspace)],
        env={STATE_VARIABLE: str(state)},
        cwd=workspace,
    )
    log = workspace.parent / "server.log"
    refused: AutoAgentError | None = None
    failed: BaseException | None = None
    final = Final(0, 0, "")
    me = Implementation(name="autoagent-demo", version="1")
    try:
        with log.open("w") as errlog, anyio.fail_after(longest_seconds):
            async with Client(stdio_client(server, errlog), client_info=me) as client:
                try:
                    final = await _MetaAgent(client, workspace, doing).climb(edits, played)
                except AutoAgentError as error:  # told after hanging up: no group wraps it
                    refused = error
    except* (MCPError, OSError) as group:
        failed = _first(group)
    if failed is not None:
        last = log.read_text(errors="replace").strip().split("\n")[-1]
        raise WorkspaceError(f"The server failed ({failed!r}). {log} ends: {last}") from failed
    if refused is not None:
        raise refused
    return final


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first, out of however many groups."""
    inner = group.exceptions[0]
    if isinstance(inner, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", inner))
    return inner


class _MetaAgent:
    """Plays the game by its tools, as any client would."""

    def __init__(self, client: Client, workspace: Path, doing: Doing) -> None:
        self._client, self._workspace, self._doing = client, workspace, doing
        self._now = ""

    async def climb(self, edits: list[Edit], played: OnPlayed) -> Final:
        """The baseline, then edit by edit; stops at the first that ends otherwise than scripted."""
        self._now = "the tasks are proved by their oracles and a no-op"
        await self._settled("start_climb", tag=TAG)
        self._now = "baseline"
        first = await self._measured("baseline", "the unmodified harness")
        played(first)
        for edit in edits:
            self._now = edit.name
            step = await self._try(edit)
            played(step)
            if step.problem:
                break
        self._now = "baseline and champion are measured afresh"
        over = await self._settled("finish_climb")
        standing = over["incumbent"]["score"]
        return Final(standing["passed"], standing["expected"], over["message"])

    async def _try(self, edit: Edit) -> Played:
        """Edit the harness with our own hands, and let the server judge it."""
        harness = self._workspace / HARNESS
        harness.write_text(edit.apply(harness.read_text()))
        try:
            await self._call("commit_candidate", description=edit.description)
        except ToolRefused as refusal:
            await self._call("revert")
            why, problem = demo_script.judged(edit, "refused", str(refusal))
            return Played(
                name=edit.name,
                description=edit.description,
                verdict="refused",
                why=why,
                problem=problem,
            )
        step = await self._measured(edit.name, edit.description)
        return step.model_copy(
            update={"problem": demo_script.judged(edit, step.verdict, step.why)[1]}
        )

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
        """Call until nothing runs any more: a reply may say `running`, which loses nothing."""
        while True:
            reply = await self._call(tool, **arguments)
            if reply["phase"] not in ("validating", "evaluating", "certifying"):
                return reply

    async def _call(self, tool: str, **arguments: Any) -> Content:
        """What a tool answered.

        Raises:
            ToolRefused: It said no, and why.
        """
        self._doing(self._now)
        result = await self._client.call_tool(tool, arguments, progress_callback=self._progress)
        if result.is_error:
            said = [block.text for block in result.content if isinstance(block, TextContent)]
            raise ToolRefused(f"{tool}: {' '.join(said)}")
        return result.structured_content

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        self._doing(f"{self._now}: {message or f'{progress:.0f} of {total or 0:.0f}'}")


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
