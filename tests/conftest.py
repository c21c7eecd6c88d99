"""Workspaces to climb in, referees over them, and evaluations without one."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import settings

from autoagent.config import Benchmark, Config
from autoagent.evidence.events import TrialFinished
from autoagent.evidence.journal import Journal
from autoagent.records import Running, Trial
from autoagent.referee.referee import Referee
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import Engine, EvaluationSpec, TaskSpec

settings.register_profile("whole", deadline=None)  # a stall is no failure
settings.register_profile(
    "few", deadline=None, max_examples=10
)  # of another Python, `make test-313`
settings.load_profile(os.environ.get("EXAMPLES", "whole"))

HARNESS = '''\
# === EDITABLE SECTION ===
import json
import time
from typing import Any

from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

SYSTEM_PROMPT = """You answer the question in /app/question.txt as briefly as you can."""
MODEL = "rules"
MAX_TURNS = 3


def create_tools(environment: BaseEnvironment) -> list[Any]:
    return []


def create_agent(environment: BaseEnvironment) -> dict[str, Any]:
    return {"instructions": SYSTEM_PROMPT, "tools": create_tools(environment), "model": MODEL}


async def run_task(environment: BaseEnvironment, instruction: str) -> tuple[object, int]:
    started = time.monotonic()
    result = await environment.exec("cp /app/question.txt /app/answer.txt")
    return result.stdout, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===
# Harbor integration. Do not modify below this line.


class AutoAgent(BaseAgent):
    @staticmethod
    def name() -> str:
        return "autoagent"

    def version(self) -> str | None:
        return "0"

    async def setup(self, environment: BaseEnvironment) -> None:
        pass

    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        result, duration_ms = await run_task(environment, instruction)
        steps = [
            {"step_id": 1, "source": "user", "message": instruction},
            {"step_id": 2, "source": "agent", "message": str(result)},
        ]
        trajectory = {
            "schema_version": "ATIF-v1.6",
            "session_id": "s",
            "agent": {"name": "autoagent", "version": "0", "model_name": MODEL},
            "steps": steps,
            "extra": {"duration_ms": duration_ms},
        }
        (self.logs_dir / "trajectory.json").write_text(json.dumps(trajectory))
'''

TASK = """\
schema_version = "1.4"

[task]
name = "local/{name}"

[agent]
timeout_sec = 30

[verifier]
timeout_sec = 20

[environment]
network_mode = "no-network"
"""

MakeWorkspace = Callable[..., Path]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Harbor runs on asyncio; so do the tests."""
    return "asyncio"


@pytest.fixture(autouse=True)
def private_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own state or git configuration."""
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(autouse=True)
def journals_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection that a test forgets is a warning in some later test."""
    opened: list[Journal] = []
    opening = Journal.__init__

    def remember(self: Journal, path: Path, *, read_only: bool = False) -> None:
        opening(self, path, read_only=read_only)
        opened.append(self)

    monkeypatch.setattr(Journal, "__init__", remember)
    yield
    for journal in opened:
        journal.close()


def git(directory: Path, *arguments: str) -> str:
    """Run git in a repository that a test made."""
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout


def write_one_task(directory: Path, *, expected: str, question: str) -> None:
    """A whole Harbor task: the answer must be `expected`; the oracle gives it."""
    for folder in ("environment", "tests", "solution"):
        (directory / folder).mkdir(parents=True)
    (directory / "task.toml").write_text(TASK.format(name=directory.name))
    (directory / "instruction.md").write_text(f"Answer the question: {question}\n")
    (directory / "environment/question.txt").write_text(question + "\n")
    (directory / "environment/Dockerfile").write_text(
        "FROM autoagent-base\nWORKDIR /app\nCOPY question.txt /app/\n"
    )
    test = directory / "tests/test.sh"
    test.write_text(
        "#!/bin/bash\n"
        f'if [ "$(cat /app/answer.txt 2>/dev/null)" = "{expected}" ]; then\n'
        "  echo 1 > /logs/verifier/reward.txt\nelse\n  echo 0 > /logs/verifier/reward.txt\nfi\n"
    )
    test.chmod(0o755)
    solve = directory / "solution/solve.sh"
    solve.write_text(f'#!/bin/bash\necho "{expected}" > /app/answer.txt\n')
    solve.chmod(0o755)


@pytest.fixture(scope="session")
def write_task() -> Callable[..., None]:
    """Write a whole Harbor task: `write_task(directory, expected=..., question=...)`."""
    return write_one_task


@pytest.fixture(scope="session")
def harness_source() -> str:
    """A harness that answers each question with itself."""
    return HARNESS


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """Build a committed workspace; `tasks` maps names to (question, expected answer)."""

    def make(
        tasks: Mapping[str, tuple[str, str]] | None = None,
        *,
        harness: str = HARNESS,
        config: str = "",
        commit: bool = True,
    ) -> Path:
        root = tmp_path / "workspace"
        root.mkdir()
        (root / "program.md").write_text("# Answer questions\n\nMake the harness answer more.\n")
        (root / "agent.py").write_text(harness)
        (root / ".gitignore").write_text("results.tsv\n.autoagent/\n")
        if config:
            (root / "autoagent.toml").write_text(config)
        chosen = tasks or {f"t{n}": (f"question {n}", f"answer {n}") for n in range(1, 5)}
        for name, (question, expected) in chosen.items():
            write_one_task(root / "tasks" / name, expected=expected, question=question)
        if commit:
            git(root, "init", "-q")
            git(root, "add", "-A")
            git(root, "commit", "-q", "-m", "start")
        return root

    return make


@pytest.fixture
def workspace(make_workspace: MakeWorkspace) -> Path:
    """A workspace with four tasks, t1 to t4."""
    return make_workspace()


@pytest.fixture
def open_referee(workspace: Path) -> Iterator[Callable[[Engine], Referee]]:
    """Open a referee over `workspace`; the one before it is closed first."""
    opened: list[Referee] = []

    def open_one(engine: Engine | None = None) -> Referee:
        for referee in opened:
            referee.close()
        opened[:] = [Referee.open(workspace, engine)]
        return opened[0]

    yield open_one
    for referee in opened:
        with closing(referee):
            pass


class Bench:
    """Starts workers over tasks and harnesses that a test wrote."""

    def __init__(self, directory: Path, write_task: Callable[..., None]) -> None:
        self.directory, self._write_task = directory, write_task
        self.engine = DetachedEngine(directory / "evaluations")
        directory.mkdir()
        self.journal = Journal(directory / "journal.sqlite3")

    def spec(self, harness: str | None, tasks: Mapping[str, str], **changes: Any) -> EvaluationSpec:
        """An evaluation of `harness` on tasks whose expected answer is their question."""
        name = changes.pop("id", "e1")
        place = self.directory / "evaluations" / name
        specs: list[TaskSpec] = []
        for task, question in tasks.items():
            path = self.directory / "tasks" / task
            if not path.exists():
                self._write_task(path, expected=question, question=question)
            specs.append(TaskSpec(name=task, path=path))
        if harness is not None:
            (place / "harness/.agent").mkdir(parents=True)
            (place / "harness/agent.py").write_text(harness)
        running: dict[str, Any] = {
            "id": name,
            "kind": "subset",
            "candidate": "c" * 40,
            "digest": "d" * 64,
            "tasks": tuple(tasks),
            "attempts": 1,
            "deadline": time.time() + 120,
        }
        running |= {key: changes.pop(key) for key in [*changes] if key in Running.model_fields}
        benchmark: dict[str, Any] = {"trial_timeout_seconds": 4.0}
        benchmark |= {key: changes.pop(key) for key in [*changes] if key in Benchmark.model_fields}
        config = {
            "isolation": changes.pop("isolation", "sandbox"),
            "harness": {"in_container": changes.pop("in_container", False)},
            "benchmark": benchmark,
        }
        facts: dict[str, Any] = {
            "running": Running.model_validate(running),
            "config": Config.model_validate(config),
            "journal": self.journal.path,
            "directory": place,
            "jobs": self.directory / "jobs",
            "tasks": tuple(specs),
            "harnesses": {"": place / "harness"} if harness is not None else {},
        }
        return EvaluationSpec.model_validate(facts | changes)

    def over(self, spec: EvaluationSpec, tasks: Mapping[str, Path]) -> EvaluationSpec:
        """The same evaluation over other tasks, by name and directory."""
        chosen = tuple(TaskSpec(name=name, path=path) for name, path in tasks.items())
        running = spec.running.model_copy(update={"tasks": tuple(tasks)})
        return spec.model_copy(update={"tasks": chosen, "running": running})

    async def finish(self, spec: EvaluationSpec, seconds: float = 90) -> dict[str, Trial]:
        """Run to the end; the last trial of each task."""
        self.engine.start(spec)
        await self.until(lambda: not self.engine.alive(spec.id), seconds)
        return self.trials(spec.id)

    def trials(self, evaluation: str) -> dict[str, Trial]:
        """The last trial of each task so far."""
        entries = self.journal.about(evaluation, TrialFinished)
        trials = [entry.event.trial for entry in entries]
        return {trial.task: trial for trial in trials}

    def log(self, evaluation: str = "e1") -> str:
        """What the worker said."""
        return (self.directory / "evaluations" / evaluation / "worker.log").read_text()

    def trial_directory(self, trial: Trial) -> Path:
        """A trial's Harbor directory."""
        for entry in self.journal.about(trial.id.split(".")[0], TrialFinished):
            if entry.event.trial.id == trial.id:
                return Path(entry.event.directory)
        raise KeyError(trial.id)

    async def until(self, happened: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for another process; it has no event to wait on."""
        with anyio.fail_after(seconds):
            while not happened():
                await anyio.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path, write_task: Callable[..., None]) -> Bench:
    """Real workers below a temporary directory."""
    return Bench(tmp_path / "bench", write_task)
