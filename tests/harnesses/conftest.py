"""Harnesses in this process: a stand-in for the model, a directory for the task's environment."""

import asyncio
import importlib.util
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any, override

import agents
import pytest
from harbor.environments.base import BaseEnvironment, ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities
from harbor.models.agent.context import AgentContext
from harbor.models.task.config import EnvironmentConfig
from harbor.models.trial.paths import TrialPaths
from openai import AsyncOpenAI

from autoagent.gateway.standin.rules import load_rules
from autoagent.gateway.standin.server import running


class DirectoryEnvironment(BaseEnvironment):
    """Commands run in a directory, which they know as /app; /logs/agent is beside it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        super().__init__(
            environment_dir=root,
            environment_name="task",
            session_id="session",
            trial_paths=TrialPaths(trial_dir=root / "trial"),
            task_env_config=EnvironmentConfig(),
            logger=logging.getLogger("environment"),
        )

    @staticmethod
    def type() -> str:
        return "directory"

    @property
    @override
    def capabilities(self) -> EnvironmentCapabilities:
        return EnvironmentCapabilities(mounted=False)

    @override
    def _validate_definition(self) -> None: ...

    @override
    async def start(self, force_build: bool) -> None: ...

    @override
    async def stop(self, delete: bool) -> None: ...

    @override
    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        shutil.copy(source_path, self._placed(target_path))

    @override
    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None: ...

    @override
    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        shutil.copy(self._placed(source_path), target_path)

    @override
    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None: ...

    @override
    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        process = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            self._placed(command),
            cwd=self.root,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        code = process.returncode or 0
        return ExecResult(stdout=out.decode(), stderr=err.decode(), return_code=code)

    def _placed(self, text: str) -> str:
        logs = self.root.parent / "container-logs"
        logs.mkdir(exist_ok=True)
        text = re.sub(r"(?<![\w-])/app", str(self.root), text)
        return text.replace("/logs/agent", str(logs))


class Ran:
    """What a harness left: its trajectory's file and content, and its context."""

    def __init__(self, logs: Path, context: AgentContext) -> None:
        self.file, self.context = logs / "trajectory.json", context
        self.trajectory: dict[str, Any] = json.loads(self.file.read_text())

    @property
    def calls(self) -> list[str]:
        steps = self.trajectory["steps"]
        return [call["function_name"] for step in steps for call in step.get("tool_calls") or []]


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The task's /app."""
    (tmp_path / "app").mkdir()
    return tmp_path / "app"


@pytest.fixture
def run_harness(tmp_path: Path, app: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Run]:
    """Run `source`'s agent on an instruction while the stand-in follows `rules`."""

    async def run(source: Path, rules: Path, instruction: str) -> Ran:
        with running(load_rules(rules)) as url:
            for name, value in {
                "OPENAI_BASE_URL": f"{url}/v1",
                "OPENAI_API_KEY": "placeholder",
                "ANTHROPIC_BASE_URL": url,
                "ANTHROPIC_API_KEY": "placeholder",
                "HOME": str(tmp_path),
            }.items():
                monkeypatch.setenv(name, value)
            shutil.copy(source, app / "agent.py")  # as `in_container` does
            module = load(source)
            logs = tmp_path / "logs"
            logs.mkdir()
            context = AgentContext()
            agent = module.AutoAgent(logs_dir=logs, model_name=module.MODEL)
            environment = DirectoryEnvironment(app)
            await agent.setup(environment)
            async with AsyncOpenAI() as client:  # the SDK's own lives as long as its process
                agents.set_default_openai_client(client, use_for_tracing=False)
                await agent.run(instruction=instruction, environment=environment, context=context)
            return Ran(logs, context)

    yield run
    sys.modules.pop("harness_under_test", None)


def load(source: Path) -> Any:
    """Import a harness as a trial does."""
    spec = importlib.util.spec_from_file_location("harness_under_test", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
