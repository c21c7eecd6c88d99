"""What a file's content came to last time, for as long as the file was not touched.

An answer is trusted while size, inode, mtime and ctime are the same. ctime is what makes
it safe: `touch -d` forges an mtime, nobody but the kernel sets a ctime. A file changed
within a second of being looked at is looked at again, since clocks tick coarsely.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from autoagent.files import write_durably

_SETTLED_NS = 1_000_000_000


class StatCache:
    """Answers by key, kept in one JSON file of the server's.

    Only what was asked for since the cache was opened is saved, so it never outgrows
    the tree. A cache that is missing or unreadable is an empty one.

    Attributes:
        computed: How many answers had to be computed rather than remembered.
    """

    def __init__(self, path: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.path, self._now_ns = path, now_ns
        self.computed = 0
        self._known: dict[str, list[Any]] = {}
        self._asked: dict[str, list[Any]] = {}
        with suppress(OSError, ValueError):
            loaded: Any = json.loads(path.read_bytes())
            if isinstance(loaded, dict):
                self._known = loaded

    def answer(self, key: str, status: os.stat_result, compute: Callable[[], str]) -> str:
        """The remembered answer about a file in this state, or what `compute` says now."""
        state = [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
        match self._known.get(key):
            case [state_then, int(seen_at), str(told)] if (
                state_then == state and seen_at - status.st_ctime_ns > _SETTLED_NS
            ):
                pass
            case _:
                seen_at = self._now_ns()
                told = compute()
                self.computed += 1
        self._asked[key] = [state, seen_at, told]
        return told

    def save(self) -> None:
        """Keep the answers for the next process."""
        if self._asked != self._known:
            write_durably(self.path, json.dumps(self._asked).encode())
            self._known = dict(self._asked)
