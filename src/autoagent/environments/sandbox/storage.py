"""How much a trial may write: the files below its root are measured while it runs.

No file system that an ordinary user has keeps a quota for a directory. So the disk's free
space, which is cheap to ask for, tells when a trial's tree is worth measuring; what is
written between two looks is beyond the bound.
"""

import asyncio
import os
from pathlib import Path

LOOK_SECONDS = 0.2
NOTICED_BYTES = 32 * 1024 * 1024
FILES_LIMIT = 200_000
NOTICED_FILES = 10_000


class StorageExceeded(RuntimeError):
    """The trial wrote more than its task allows; nothing more is done for it."""


class Storage:
    """What is below one trial's root directory."""

    def __init__(self, root: Path, limit_bytes: int) -> None:
        """Bound the files below `root`."""
        self._root, self._limit = root, limit_bytes
        self._free, self._free_files = self._available()
        self._exceeded = False

    def check(self) -> None:
        """Look whether the disk shrank, and measure only then.

        Raises:
            StorageExceeded: There is more than the task allows, or there was before.
        """
        free, files = self._available()
        if self._free - free > NOTICED_BYTES or self._free_files - files > NOTICED_FILES:
            self._free, self._free_files = free, files
            self._exceeded = self._exceeded or self._too_much()
        if self._exceeded:
            raise StorageExceeded(
                f"the trial wrote more than its storage of {self._limit / 2**20:.0f} MB "
                f"({FILES_LIMIT} files) holds"
            )

    async def watch(self) -> None:
        """Look again and again, for as long as a command runs.

        Raises:
            StorageExceeded: As `check`.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.check)

    def _available(self) -> tuple[int, int]:
        facts = os.statvfs(self._root)
        return facts.f_bavail * facts.f_frsize, facts.f_favail

    def _too_much(self) -> bool:
        size = files = 0
        for directory, _, names in os.walk(self._root):
            for name in names:
                try:
                    facts = os.lstat(os.path.join(directory, name))  # noqa: PTH118 - of many
                except OSError:  # gone meanwhile
                    continue
                size, files = size + facts.st_blocks * 512, files + 1
            if size > self._limit or files > FILES_LIMIT:
                return True
        return False
