"""What AutoAgent costs beside the work itself: the server's start, `status`, a trial's overhead.

    .venv/bin/python bench/overheads.py [--json] [--check]

Every figure is processor time, and where it has a peer both are measured in turn in one run:

- start: spawn to MCP initialize of `autoagent serve`, against a toy server on the same SDK; the
  ratio of the medians.
- status: the tool call over stdio in a climb with a baseline; the 99th percentile.
- trial: a trial of a task that does almost nothing, through the worker, the harness process
  and the sandbox, four at a time; rounds of it and of the same commands run bare, in turn.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import measured
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from measured import Figure

from autoagent.config import Config
from autoagent.evidence.events import TrialFinished, TrialStarted
from autoagent.evidence.journal import Journal
from autoagent.records import Running
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec, TaskSpec

ROOT = Path(__file__).resolve().parent.parent
TOY = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("toy")
@server.tool()
async def status() -> dict[str, str]:
    "Say nothing."
    return {"phase": "new"}
server.run("stdio")
"""
HARNESS = """
from harbor.agents.base import BaseAgent


async def run_task(environment, instruction):
    await environment.exec("cp /app/question.txt /app/answer.txt")


# === FIXED ADAPTER BOUNDARY ===


class AutoAgent(BaseAgent):
    @staticmethod
    def name():
        return "bench"

    def version(self):
        return "0"

    async def setup(self, environment):
        pass

    async def run(self, instruction, environment, context):
        await run_task(environment, instruction)
"""
TASK = """schema_version = "1.4"
[task]
name = "bench/{name}"
[agent]
timeout_sec = 20
[environment]
network_mode = "no-network"
"""
VERIFIER = """#!/bin/bash
cmp -s /app/question.txt /app/answer.txt && echo 1 > /logs/verifier/reward.txt
"""
START_RATIO, STATUS_MS, TRIAL_MS = 1.3, 10.0, 800.0
TRIAL_ROUNDS = 5


async def seconds_to_initialize(command: list[str], environment: dict[str, str]) -> float:
    """Spawn a server and initialize a session with it: its processor time until then."""
    parameters = StdioServerParameters(command=command[0], args=command[1:], env=environment)
    before = set(measured.children(os.getpid()))
    async with Client(stdio_client(parameters)):
        (server,) = set(measured.children(os.getpid())) - before
        return measured.processor_seconds(server)


async def start_figures(workspace: Path, rounds: int) -> list[Figure]:
    """Spawn to initialize, ours and the toy's in turn."""
    environment = dict(os.environ)
    ours = [sys.executable, "-m", "autoagent", "serve", "--workspace", str(workspace)]
    toy = [sys.executable, "-c", TOY]
    times: dict[str, list[float]] = {"ours": [], "toy": []}
    for _ in range(rounds + 1):
        times["toy"].append(await seconds_to_initialize(toy, environment))
        times["ours"].append(await seconds_to_initialize(ours, environment))
    medians = {name: measured.median(values[1:]) for name, values in times.items()}
    return [
        Figure("start", medians["ours"].times(1000), unit="ms"),
        Figure("start of the toy", medians["toy"].times(1000), unit="ms"),
        Figure("start / toy", medians["ours"].of(medians["toy"]), START_RATIO),
    ]


async def status_figures(workspace: Path, calls: int) -> list[Figure]:
    """`status` over stdio, once a climb has its baseline."""
    command = ["-m", "autoagent", "serve", "--workspace", str(workspace)]
    parameters = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
    before = set(measured.children(os.getpid()))
    async with Client(stdio_client(parameters)) as client:
        (server,) = set(measured.children(os.getpid())) - before
        await call_until_done(client, "start_climb", {"tag": "bench"})
        await call_until_done(client, "run_benchmark", {})
        await client.call_tool("append_result", {"description": "baseline"})
        counted = measured.Calls(server)
        for _ in range(calls):
            with counted.counted("status"):
                await client.call_tool("status", {})
    times = counted.seconds["status"]
    return [
        Figure("status, p50", measured.median(times).times(1000), unit="ms"),
        Figure("status, p99", measured.quantile(times, 0.99).times(1000), STATUS_MS, "ms"),
    ]


async def call_until_done(client: Client, tool: str, arguments: dict[str, str]) -> None:
    """Call a tool again for as long as it says that it is running."""
    while True:
        result = await client.call_tool(tool, arguments)
        said: dict[str, Any] = result.structured_content or {}
        if result.is_error:
            raise SystemExit(f"{tool}: {result.content}")
        if "phase" in said:  # a brief reply has none
            return


def write_tasks(directory: Path, count: int) -> list[TaskSpec]:
    """Tasks whose own work is copying and comparing one line."""
    specs: list[TaskSpec] = []
    for number in range(count):
        task = directory / f"t{number:02}"
        for folder in ("environment", "tests", "solution"):
            (task / folder).mkdir(parents=True)
        (task / "task.toml").write_text(TASK.format(name=task.name))
        (task / "instruction.md").write_text("Copy the question.\n")
        (task / "environment/Dockerfile").write_text(
            "FROM autoagent-base\nWORKDIR /app\nCOPY question.txt /app/\n"
        )
        (task / "environment/question.txt").write_text("q\n")
        (task / "tests/test.sh").write_text(VERIFIER)
        (task / "solution/solve.sh").write_text("cp /app/question.txt /app/answer.txt\n")
        for script in ("tests/test.sh", "solution/solve.sh"):
            (task / script).chmod(0o755)
        specs.append(TaskSpec(name=task.name, path=task))
    return specs


def own_work_seconds(directory: Path, count: int) -> float:
    """The same commands, run bare: what a trial would cost with nothing around it."""
    (directory / "question").write_text("q\n")
    commands = ["cp question answer", "cmp -s question answer && echo 1 > reward"]
    started = time.perf_counter()
    for _ in range(count):
        for command in commands:
            subprocess.run(["/bin/bash", "-c", command], cwd=directory, check=True)
    return (time.perf_counter() - started) / count


def evaluation_seconds(directory: Path, tasks: list[TaskSpec], concurrency: int) -> float:
    """Wall clock per trial, from the first trial's start to the last one's end."""
    place = directory / "evaluations" / "e1"
    (place / "harness/.agent").mkdir(parents=True)
    (place / "harness/agent.py").write_text(HARNESS)
    journal = Journal(directory / "journal.sqlite3")
    running = Running(
        id="e1",
        kind="subset",
        candidate="0" * 40,
        digest="0" * 64,
        tasks=tuple(task.name for task in tasks),
        attempts=1,
        deadline=time.time() + 300,
    )
    spec = EvaluationSpec(
        running=running,
        journal=journal.path,
        directory=place,
        jobs=directory / "jobs",
        tasks=tuple(tasks),
        harnesses={"": place / "harness"},
        config=Config.model_validate({"benchmark": {"concurrency": concurrency}}),
    )
    engine = DetachedEngine(directory / "evaluations")
    engine.start(spec)
    while engine.alive("e1"):
        time.sleep(0.02)
    ended = journal.about("e1", TrialFinished)
    if [entry.event.trial.outcome for entry in ended] != ["passed"] * len(tasks):
        raise SystemExit(f"the trials did not pass: see {place / 'worker.log'}")
    started = journal.about("e1", TrialStarted)[0].at
    journal.close()
    return (ended[-1].at - started) / len(tasks)


def trial_figures(directory: Path, count: int) -> list[Figure]:
    """A trial's processor time, worker and sandbox included, and that of the bare commands."""
    tasks = write_tasks(directory / "tasks", count)
    trials: list[float] = []
    bare: list[float] = []
    for number in range(TRIAL_ROUNDS):
        place = directory / f"round{number}"
        place.mkdir()
        bare.append(_used(partial(own_work_seconds, place, count)) / count)
        trials.append(_used(partial(evaluation_seconds, place, tasks, 4)) / count)
    return [
        Figure("bare commands", measured.median(bare).times(1000), unit="ms"),
        Figure("trial", measured.median(trials).times(1000), TRIAL_MS, "ms"),
        Figure("trial / bare", measured.median(trials).of(measured.median(bare))),
    ]


def _used(work: Callable[[], object]) -> float:
    """Processor seconds of the children that some work starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_workspace(directory: Path, tasks: int = 14, harness: str = HARNESS) -> Path:
    """A committed workspace with so many of the tasks."""
    root = directory / "workspace"
    write_tasks(root / "tasks", tasks)
    (root / "program.md").write_text("# bench\n")
    (root / "agent.py").write_text(harness)
    (root / "autoagent.toml").write_text("[certify]\npasses = 1\n")
    (root / ".gitignore").write_text("results.tsv\n.autoagent/\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    return root


def main() -> int:
    """Measure, print, and with --check compare with the goals."""
    options = measured.asked(
        __doc__,
        lambda p: p.add_argument("--rounds", type=int, default=15, help="server starts of each"),
        lambda p: p.add_argument("--calls", type=int, default=500, help="calls of status"),
        lambda p: p.add_argument("--trials", type=int, default=16, help="of each round"),
    )
    with tempfile.TemporaryDirectory(prefix="autoagent-bench-") as temporary:
        directory = Path(temporary)
        os.environ["AUTOAGENT_STATE_DIR"] = str(directory / "state")
        workspace = make_workspace(directory)
        figures = asyncio.run(start_figures(workspace, options.rounds))
        figures += asyncio.run(status_figures(workspace, options.calls))
        figures += trial_figures(directory, options.trials)
    return measured.told(figures, options)


if __name__ == "__main__":
    sys.exit(main())
