"""Workspaces to climb in, and referees over them."""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from autoagent.benchmark.engine import Engine
from autoagent.journal import Journal
from autoagent.referee import Referee

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
timeout_sec = 10

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
