"""Files in and out of a trial's root, which nothing but `Beneath` opens."""

import asyncio
from abc import abstractmethod
from pathlib import Path
from typing import Any

from harbor.environments.base import ExecResult

from autoagent.environments.outputs import taking_out
from autoagent.environments.refereed import RefereedEnvironment
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.steps import Carried
from autoagent.environments.sandbox.storage import Storage

STEP_BEGINS = "/logs/agent"
"""What Harbor empties before anything else of a step."""


class Transfers(RefereedEnvironment):
    """Harbor's calls about files."""

    _carried: Carried

    @abstractmethod
    async def _begin_step(self) -> None:
        """Go on where the candidate stopped, if it has acted before."""

    @abstractmethod
    def _placed(self, path: str, *, writing: bool = False) -> tuple[Beneath, str]:
        """The directory that a path lives in, and the path inside that."""

    @abstractmethod
    def _acting_storage(self) -> Storage | None:
        """What the candidate may fill."""

    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        """Copy a host file in."""
        with self._our_faults():
            self._acting_storage()
            files, inner = self._placed(target_path, writing=True)
            await asyncio.to_thread(files.write_file, Path(source_path), inner)

    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        """Copy the content of a host directory in."""
        with self._our_faults():
            self._acting_storage()
            files, inner = self._placed(target_dir, writing=True)
            if self._preparing or self._carried.since is None:
                self._carried.bring(Path(source_dir), target_dir)
            await asyncio.to_thread(files.write_tree, Path(source_dir), inner)

    async def download_file(self, source_path: str, target_path: Path | str) -> None:
        """Copy a plain file out."""
        with self._our_faults():
            files, inner = self._placed(source_path)
            await asyncio.to_thread(files.read_file, inner, Path(target_path))

    async def download_dir(self, source_dir: str, target_dir: Path | str) -> None:
        """Copy the plain files below a directory out."""
        target = Path(target_dir)
        with self._our_faults():
            files, inner = self._placed(source_dir)
            async with taking_out(source_dir, target):
                await asyncio.to_thread(files.read_tree, inner, target)

    async def is_dir(self, path: str, user: str | int | None = None) -> bool:
        """Whether a path is a directory."""
        files, inner = self._placed(path)
        return files.is_directory(inner)

    async def is_file(self, path: str, user: str | int | None = None) -> bool:
        """Whether a path is a plain file."""
        files, inner = self._placed(path)
        return files.is_file(inner)

    async def empty_dirs(self, dirs: Any, *, chmod: bool = True) -> ExecResult | None:
        """Harbor's call to empty directories, done without starting a process."""
        if STEP_BEGINS in map(str, dirs):
            await self._begin_step()
        with self._our_faults():
            for path in map(str, dirs):
                files, inner = self._placed(path, writing=True)
                files.empty(inner)
        return None
