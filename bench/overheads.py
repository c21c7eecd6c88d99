"""What AutoAgent costs beside the work itself: the server's start, `status`, a trial's overhead.

    .venv/bin/python bench/overheads.py [--json] [--check]

Every figure is a comparison made in one run, because machines differ and are shared:

- start: spawn to MCP initialize of `autoagent serve`, against a toy server on the same SDK,
  in turn; the ratio of the medians. Goal: at most 1.3.
- status: the tool call over stdio in a climb with a baseline; the 99th percentile in
  milliseconds. Goal: at most 10.
- trial: a trial of a task that does almost nothing, through the worker, the harness process
  and the sandbox; beyond the same commands run bare, in milliseconds, at one trial at a
  time and at four. Goal: at most 50 with four.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

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
GOALS = {"start_ratio": 1.3, "status_p99_ms": 10.0, "trial_overhead_ms": 50.0}


async def seconds_to_initialize(command: list[str], environment: dict[str, str]) -> float:
    """Spawn a server and initialize a session with it."""
    started = time.perf_counter()
    parameters = StdioServerParameters(command=command[0], args=command[1:], env=environment)
    async with Client(stdio_client(parameters)):
        return time.perf_counter() - started


async def start_figures(workspace: Path, rounds: int) -> dict[str, float]:
    """Spawn to initialize, ours and the toy's in turn."""
    environment = dict(os.environ)
    ours = [sys.executable, "-m", "autoagent", "serve", "--workspace", str(workspace)]
    toy = [sys.executable, "-c", TOY]
    times: dict[str, list[float]] = {"ours": [], "toy": []}
    for _ in range(rounds + 1):
        times["toy"].append(await seconds_to_initialize(toy, environment))
        times["ours"].append(await seconds_to_initialize(ours, environment))
    medians = {name: statistics.median(values[1:]) for name, values in times.items()}
    return {
        "start_ms": medians["ours"] * 1000,
        "start_toy_ms": medians["toy"] * 1000,
        "start_ratio": medians["ours"] / medians["toy"],
    }


async def status_figures(workspace: Path, calls: int) -> dict[str, float]:
    """`status` over stdio, once a climb has its baseline."""
    command = ["-m", "autoagent", "serve", "--workspace", str(workspace)]
    parameters = StdioServerParameters(command=sys.executable, args=command, env=dict(os.environ))
    async with Client(stdio_client(parameters)) as client:
        await call_until_done(client, "start_climb", {"tag": "bench"})
        await call_until_done(client, "run_benchmark", {})
        await client.call_tool("append_result", {"description": "baseline"})
        times: list[float] = []
        for _ in range(calls):
            started = time.perf_counter()
            await client.call_tool("status", {})
            times.append(time.perf_counter() - started)
    times.sort()
    return {
        "status_p50_ms": statistics.median(times) * 1000,
        "status_p99_ms": times[int(len(times) * 0.99) - 1] * 1000,
    }


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


def trial_figures(directory: Path, count: int) -> dict[str, float]:
    """A trial's time beyond its own work, at one and at four trials at a time."""
    tasks = write_tasks(directory / "tasks", count)
    own = own_work_seconds(directory, count)
    figures = {"trial_own_work_ms": own * 1000}
    for concurrency in (1, 4):
        place = directory / f"n{concurrency}"
        place.mkdir()
        seconds = evaluation_seconds(place, tasks, concurrency)
        figures[f"trial_ms_n{concurrency}"] = seconds * 1000
    figures["trial_overhead_ms_n1"] = figures["trial_ms_n1"] - figures["trial_own_work_ms"]
    figures["trial_overhead_ms"] = figures["trial_ms_n4"] - figures["trial_own_work_ms"]
    return figures


def make_workspace(directory: Path) -> Path:
    """A committed workspace with fourteen of the tasks."""
    root = directory / "workspace"
    write_tasks(root / "tasks", 14)
    (root / "program.md").write_text("# bench\n")
    (root / "agent.py").write_text(HARNESS)
    (root / ".gitignore").write_text("results.tsv\n.autoagent/\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        subprocess.run(["git", *identity, *command], cwd=root, check=True)
    return root


def main() -> int:
    """Measure, print, and with --check compare with the goals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="exit 1 when short of a goal")
    parser.add_argument("--rounds", type=int, default=7, help="server starts of each kind")
    parser.add_argument("--calls", type=int, default=500, help="calls of status")
    parser.add_argument("--trials", type=int, default=32, help="trials at each concurrency")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="autoagent-bench-") as temporary:
        directory = Path(temporary)
        os.environ["AUTOAGENT_STATE_DIR"] = str(directory / "state")
        workspace = make_workspace(directory)
        figures = asyncio.run(start_figures(workspace, options.rounds))
        figures |= asyncio.run(status_figures(workspace, options.calls))
        figures |= trial_figures(directory, options.trials)
    rounded = {name: round(value, 2) for name, value in figures.items()}
    if options.json:
        print(json.dumps(rounded))
    else:
        for name, value in rounded.items():
            goal = f"   goal: at most {GOALS[name]}" if name in GOALS else ""
            print(f"{name:24}{value:10.2f}{goal}")
    short = [name for name, goal in GOALS.items() if figures[name] > goal]
    for name in short:
        print(f"{name} is {figures[name]:.2f}; the goal is at most {GOALS[name]}", file=sys.stderr)
    return 1 if options.check and short else 0


if __name__ == "__main__":
    sys.exit(main())
