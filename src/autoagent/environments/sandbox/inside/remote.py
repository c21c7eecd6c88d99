"""Harbor's environment as the harness sees it: every call goes to the worker.

Files travel as bytes; a host path means a path in the harness's own sandbox. Whatever
Harbor builds on `exec`, uploads and downloads works unchanged on top.
"""

import asyncio
import io
import logging
import tarfile
from pathlib import Path, PurePath
from typing import Any

from harbor.environments.base import BaseEnvironment, EnvironmentPath, ExecResult
from harbor.environments.capabilities import EnvironmentCapabilities
from harbor.models.task.config import EnvironmentConfig, NetworkPolicy
from harbor.models.trial.paths import TrialPaths

from autoagent.environments.sandbox.inside import wire


class Calls:
    """Numbered requests to the worker, answered in any order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk over an open connection."""
        self._reader, self._writer = reader, writer
        self._waiting: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}
        self._last = 0

    async def ask(self, call: str, blob: bytes = b"", **arguments: Any) -> tuple[Any, bytes]:
        """One request; its answer's value and bytes.

        Raises:
            RuntimeError: The worker refused the call or it failed there.
        """
        self._last += 1
        number = self._last
        self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self.send({"id": number, "call": call, "arguments": arguments}, blob)
            answer, data = await self._waiting[number]
        finally:
            del self._waiting[number]
        if "error" in answer:
            raise _ERRORS.get(answer["type"], RuntimeError)(answer["error"])
        return answer["value"], data

    async def send(self, message: dict[str, Any], blob: bytes = b"") -> None:
        """Write one message."""
        self._writer.write(wire.pack(message, blob))
        await self._writer.drain()

    async def listen(self, task: asyncio.Future[Any]) -> None:
        """Deliver answers until the worker is gone; cancel `task` when it says so."""
        while (received := await wire.receive(self._reader)) is not None:
            message, data = received
            if message.get("cancel"):
                task.cancel()
            elif (future := self._waiting.get(message["id"])) and not future.done():
                future.set_result((message, data))
        task.cancel()


_ERRORS: dict[str, type[Exception]] = {
    "FileNotFoundError": FileNotFoundError,
    "IsADirectoryError": IsADirectoryError,
    "NotADirectoryError": NotADirectoryError,
    "PermissionError": PermissionError,
    "TimeoutError": TimeoutError,
    "ValueError": ValueError,
}


class RemoteEnvironment(BaseEnvironment):
    """The task's environment, reached through the worker."""

    def __init__(self, calls: Calls, order: wire.Order) -> None:
        """Describe the environment as the worker's order does."""
        self._calls = calls
        facts = order.environment
        self._capabilities = EnvironmentCapabilities(**facts.get("capabilities", {}))
        config = EnvironmentConfig.model_validate(facts.get("config", {}))
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            environment_dir=Path(order.scratch),
            environment_name=order.task,
            session_id=order.session,
            trial_paths=TrialPaths(trial_dir=Path(order.scratch) / "trial"),
            # Its variables are set in there, from values that nobody here has.
            task_env_config=config.model_copy(update={"env": {}}),
            logger=logging.getLogger("environment"),
            network_policy=NetworkPolicy.model_validate(facts.get("network_policy", {})),
        )
        self.task_env_config = config
        self.default_user = facts.get("user")

    @staticmethod
    def type() -> str:
        """The kind of environment, as Harbor names it."""
        return "autoagent"

    @property
    def capabilities(self) -> EnvironmentCapabilities:
        """The real one's."""
        return self._capabilities

    def _validate_definition(self) -> None:
        """The worker validated the task's environment already."""

    async def start(self, force_build: bool) -> None:
        """Refused: the referee starts environments."""
        raise RuntimeError("The environment is running already; the referee starts and stops it.")

    async def stop(self, delete: bool) -> None:
        """Refused: the referee stops environments."""
        raise RuntimeError("The referee stops the environment when the trial ends.")

    async def exec(
        self,
        command: str,
        cwd: str | PurePath | None = None,
        env: dict[str, str] | None = None,
        timeout_sec: float | None = None,
        user: str | int | None = None,
    ) -> ExecResult:
        """Run a shell command in the environment; who listens gets its lines when it has ended."""
        value, data = await self._calls.ask(
            "exec",
            command=command,
            cwd=None if cwd is None else str(cwd),
            env={name: str(told) for name, told in (self._merge_env(env) or {}).items()},
            timeout_sec=timeout_sec or None,  # as in Harbor, 0 is no limit
            user=self._resolve_user(user),
        )
        stdout = data[: value["stdout_bytes"]].decode("utf-8", "replace")
        stderr = data[value["stdout_bytes"] :].decode("utf-8", "replace")
        if (listening := self._output_callback()) is not None:
            for line in stdout.splitlines(keepends=True):
                await listening(line, "stdout")
            for line in stderr.splitlines(keepends=True):
                await listening(line, "stderr")
        return ExecResult(stdout=stdout, stderr=stderr, return_code=value["return_code"])

    async def upload_file(self, source_path: Path | str, target_path: EnvironmentPath) -> None:
        """Copy a file of the harness's sandbox into the environment."""
        source = Path(source_path)
        mode = source.stat().st_mode & 0o777
        await self._calls.ask(
            "upload_file", source.read_bytes(), target=str(target_path), mode=mode
        )

    async def upload_dir(self, source_dir: Path | str, target_dir: EnvironmentPath) -> None:
        """Copy a directory of the harness's sandbox into the environment."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(source_dir, arcname=".")
        await self._calls.ask("upload_dir", buffer.getvalue(), target=str(target_dir))

    async def download_file(self, source_path: EnvironmentPath, target_path: Path | str) -> None:
        """Copy a file of the environment into the harness's sandbox."""
        _, data = await self._calls.ask("download_file", source=str(source_path))
        Path(target_path).parent.mkdir(parents=True, exist_ok=True)
        Path(target_path).write_bytes(data)

    async def download_dir(self, source_dir: EnvironmentPath, target_dir: Path | str) -> None:
        """Copy a directory of the environment into the harness's sandbox."""
        _, data = await self._calls.ask("download_dir", source=str(source_dir))
        Path(target_dir).mkdir(parents=True, exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(target_dir, filter="data")

    async def is_dir(self, path: EnvironmentPath, user: str | int | None = None) -> bool:
        """Whether a path is a directory."""
        return bool((await self._calls.ask("is_dir", path=str(path)))[0])

    async def is_file(self, path: EnvironmentPath, user: str | int | None = None) -> bool:
        """Whether a path is a regular file."""
        return bool((await self._calls.ask("is_file", path=str(path)))[0])
