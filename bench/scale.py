"""Scale: what every tool's reply costs where a workspace or its night is large.

    .venv/bin/python bench/scale.py [--only wide|long] [--calls N] [--json] [--check]

Two climbs of the scripted engine, through a real MCP client over stdio:

- *wide*: 1,000 tasks; trials that left a trajectory of 100 MB and 50 MB of verifier output;
  an agent.py of 5,000 lines; 2,000 notes;
- *long*: 10,000 rows of eight tasks. They are written into the journal as the referee writes them,
  every candidate committed, measured, discarded and recorded; only git has no commit of them.

Goals: a reply takes at most 100 ms of processor time at the 99th percentile and 2,000 tokens; a
`start_climb` of unchanged tasks takes at most 3 s; calls that only look leave the memory as it is.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, override

import measured
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from measured import Figure
from overheads import make_workspace
from soak import SCRIPTED, Forgetful

from autoagent.evidence import events
from autoagent.records import Candidate, Trial, row_of
from autoagent.referee import measuring
from autoagent.referee.climb import Climb
from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.worker.engine import EvaluationSpec
from autoagent.workspace.layout import open_workspace

REPLY_MS, START_SECONDS, TOKENS, GROWTH = 100.0, 3.0, 2000, 1.05
LONG_TASKS = 8
LINES, NOTES = 5000, 2000
STEPS, TRAJECTORY_BYTES, PRINTED_BYTES = 2000, 100_000_000, 50_000_000
CHARACTERS_A_TOKEN = 4


class Large(Forgetful):
    """Every trial left the same large files, which are there once."""

    @override
    def _directory(self, spec: EvaluationSpec, trial: Trial) -> str:
        return str(spec.jobs.parent / "large" / "trial")


def leave_large(output: Path) -> None:
    """A trial's directory with a trajectory and what its verifier printed."""
    place = output / "large" / "trial"
    (place / "agent").mkdir(parents=True)
    (place / "verifier").mkdir()
    text = "a line of what was seen\n" * (TRAJECTORY_BYTES // STEPS // 24)
    step = {
        "source": "agent",
        "message": "I look.",
        "tool_calls": [{"function_name": "sh", "arguments": {"command": "cat it"}}],
        "observation": {"results": [{"content": text}]},
    }
    one = json.dumps(step)
    with (place / "agent/trajectory.json").open("w") as file:
        file.write('{"steps": [' + one)
        for _ in range(STEPS - 1):
            file.write(f", {one}")
        file.write("]}")
    line = "FAILED test_it: 1 is not 2\n"
    (place / "verifier/test-stdout.txt").write_text(line * (PRINTED_BYTES // len(line)))
    call = {"call": "exec", "command": "cat it", "return_code": 0, "stdout": text, "seconds": 0.1}
    lines = f"{json.dumps(call)}\n" * STEPS
    (place / "environment-calls.jsonl").write_text(lines)


def wide(place: Path, tasks: int) -> Path:
    """A workspace that is large in every way."""
    filler = "".join(f"# line {number} of what the harness knows\n" for number in range(LINES))
    harness = SCRIPTED.replace("SKILL = 1\n", f"SKILL = {tasks - 1}\n")
    root = make_workspace(place, tasks, harness.replace("TURN = 0\n", f"TURN = 0\n{filler}"))
    notes = root / ".agent/notes"
    notes.mkdir(parents=True)
    for number in range(NOTES):
        (notes / f"n{number:04}.md").write_text(f"idea {number}\n")
    leave_large(root / ".autoagent")
    return root


def long(place: Path, rows: int) -> Path:
    """A workspace in whose climb so many candidates were measured and discarded."""
    root = make_workspace(place, LONG_TASKS, SCRIPTED)
    leave_large(root / ".autoagent")
    referee = Referee.open(root, Large({}))
    try:
        referee.start_climb("scale")
        while referee.advance().phase == "validating":
            pass
        referee.run_benchmark()
        referee.advance()
        referee.append_result("baseline")
    finally:
        referee.close()
    climb = Climb(open_workspace(root), Large({}))
    for number in range(rows):
        seed(climb, number)
    climb.journal.close()
    return root


def seed(climb: Climb, number: int) -> None:
    """One candidate, from its commit to its row."""
    baseline = climb.candidate_named("incumbent")
    commit = f"{number:07x}".ljust(40, "0")
    candidate = Candidate(
        id=commit,
        digest=commit.ljust(64, "0"),
        parent=baseline.id,
        description=f"idea {number} of many",
        complexity=baseline.complexity + 20,
    )
    climb.append(events.CandidateCommitted(candidate=candidate, edits=("prompt",)), commit)
    running = measuring.planned(climb, "full", candidate, climb.position.tasks)
    climb.append(events.EvaluationStarted(climb=climb.position.tag, running=running), running.id)
    trials = [
        Trial(id=f"{running.id}.{task}.1", task=task, attempt=1, outcome="failed", reward=0.0)
        for task in running.tasks[:2]
    ]
    place = str(climb.workspace.output / "large" / "trial")
    for trial in trials:
        climb.journal.append(events.TrialFinished(trial=trial, directory=place), running.id)
    measuring.settle(climb, running, "pruned")
    evaluated, verdict = climb.position.evaluated, climb.position.pending
    assert evaluated is not None and verdict is not None
    row = row_of(evaluated, verdict, candidate.description)
    climb.append(events.ResultRecorded(climb=climb.position.tag, row=row), commit)


class Caller:
    """A client whose calls are counted, with the size of what they answer."""

    def __init__(self, client: Client, pid: int) -> None:
        self._client, self.calls = client, measured.Calls(pid)
        self.tokens: dict[str, float] = {}

    async def call(self, name: str, tool: str, **given: Any) -> dict[str, Any]:
        """Make a call; `name` says what is measured with it."""
        with self.calls.counted(name):
            result = await self._client.call_tool(tool, given)
        said: dict[str, Any] = result.structured_content or {}
        if result.is_error:
            raise SystemExit(f"{tool}: {result.content}")
        size = len(json.dumps(said, ensure_ascii=False)) / CHARACTERS_A_TOKEN
        self.tokens[name] = max(size, self.tokens.get(name, 0.0))
        return said

    async def look(self, trial: str) -> None:
        """Every tool that only looks."""
        await self.call("status", "status")
        await self.call("diagnose", "diagnose")
        await self.call("compare", "compare")
        for path in ("agent.py", "results.tsv", "tried.md", "program.md"):
            await self.call(f"read_file {path}", "read_file", path=path)
        read = "read_trajectory"
        await self.call(read, read, trial=trial)
        await self.call(f"{read}, a step", read, trial=trial, from_step=20)
        await self.call(f"{read}, find", read, trial=trial, find="what was seen")

    async def move(self, number: int, skill: int, before: int) -> None:
        """Every move of an iteration, discarded in the end; and a revert."""
        change = {"path": "agent.py", "old": f"SKILL = {before}\n", "new": f"SKILL = {skill}\n"}
        await self.call("edit_file", "edit_file", **change)
        note = {"path": f".agent/notes/new{number}.md", "old": "", "new": "tried\n"}
        await self.call("edit_file, a note", "edit_file", **note)
        await self.call("commit_candidate", "commit_candidate", description=f"try {number}")
        await self.call("run_benchmark", "run_benchmark")
        await self.call("append_result", "append_result")
        await self.call("edit_file", "edit_file", **change)
        await self.call("revert", "revert")

    def figures(self, kind: str) -> list[Figure]:
        """Milliseconds of each tool at the 99th percentile, and its tokens."""
        found: list[Figure] = []
        for name, seconds in self.calls.seconds.items():
            spread = measured.quantile(seconds, 0.99).times(1e3)
            found.append(Figure(f"{kind}: {name}, p99", spread, REPLY_MS, "ms"))
            size = measured.exactly(self.tokens[name])
            found.append(Figure(f"{kind}: {name}, tokens", size, TOKENS))
        return found


async def play(kind: str, root: Path, skill: int, options: argparse.Namespace) -> list[Figure]:
    """Look and move in a climb, with a server of its own."""
    words = [str(Path(__file__).resolve()), "--serve", str(root)]
    parameters = StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))
    before, found = set(measured.children(os.getpid())), list[Figure]()
    async with Client(stdio_client(parameters)) as client:
        (pid,) = set(measured.children(os.getpid())) - before
        caller = Caller(client, pid)
        if kind == "wide":
            found += await started_again(caller)
        cold = await caller.call("status, cold", "status")
        assert cold["phase"] == "idle", cold
        trial = (await caller.call("", "run_benchmark", candidate="incumbent"))["failing"][0]
        del caller.calls.seconds[""]
        with suppress(ValueError):
            trial = trial.split(" ")[0]
        for number in range(3):
            await caller.move(number, -1 - number, skill)
        await caller.look(trial)
        memory = measured.memory_bytes(pid)
        caller.calls.seconds = {"status, cold": caller.calls.seconds["status, cold"]}
        for _ in range(options.calls):
            await caller.look(trial)
        looked = measured.memory_bytes(pid)
        for number in range(options.calls // (10 if kind == "wide" else 1)):
            await caller.move(100 + number, -100 - number, skill)
        found += caller.figures(kind)
    found.append(Figure(f"{kind}: memory", measured.exactly(looked / 1e6), unit="MB"))
    ratio = measured.exactly(looked / memory)
    return [*found, Figure(f"{kind}: memory after looking / before", ratio, GROWTH)]


async def started_again(caller: Caller) -> list[Figure]:
    """A second climb on tasks that are what they were."""
    for tag in ("one", "two"):
        await caller.call(f"start_climb {tag}", "start_climb", tag=tag)
        if tag == "one":
            await caller.call("", "finish_climb")
    seconds = caller.calls.seconds["start_climb two"]
    await caller.call("", "run_benchmark")
    await caller.call("", "append_result", description="baseline")
    caller.calls.seconds = {}
    return [Figure("wide: start_climb, unchanged", measured.median(seconds), START_SECONDS, "s")]


def main() -> int:
    """Play both, and print a line for each figure."""
    options = measured.asked(
        __doc__,
        lambda p: p.add_argument("--rows", type=int, default=10_000),
        lambda p: p.add_argument("--tasks", type=int, default=1000),
        lambda p: p.add_argument("--calls", type=int, default=100, help="of each tool"),
        lambda p: p.add_argument("--only", action="append", choices=("wide", "long")),
        lambda p: p.add_argument("--serve", type=Path, help=argparse.SUPPRESS),
    )
    if options.serve:
        build_server(lambda: Referee.open(options.serve, Large({}))).run("stdio")
        return 0
    found: list[Figure] = []
    for kind in options.only or ("wide", "long"):
        place = Path(tempfile.mkdtemp(prefix="autoagent-scale-")).resolve()
        os.environ["AUTOAGENT_STATE_DIR"] = str(place / "state")
        try:
            root = wide(place, options.tasks) if kind == "wide" else long(place, options.rows)
            skill = options.tasks - 1 if kind == "wide" else 1
            found += asyncio.run(play(kind, root, skill, options))
        finally:
            shutil.rmtree(place, ignore_errors=True)
    return measured.told(found, options)


if __name__ == "__main__":
    sys.exit(main())
