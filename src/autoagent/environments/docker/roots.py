"""The root directory of a running container, reached without its daemon where this process may.

Every archive costs the daemon about as much as a command. To root on the daemon's own machine
the root of a container's first process is a directory (proc(5), /proc/pid/root), in which
files travel as they do in the sandbox. What the candidate made is read there with more rights
than it has, so no file system of the kernel's own is entered: the daemon mounts them `noexec`,
and nothing else.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, override

from autoagent.environments.sandbox.beneath import Beneath

_SAME_USERS = ["0", "0", "4294967295"]
"""The user namespace in which root is root (user_namespaces(7), uid_map)."""


class Root(Beneath):
    """A running container's root directory."""

    least = 0o644

    def __init__(self, descriptor: int) -> None:
        """Take the directory over; it is closed with this."""
        super().__init__(Path(f"/proc/self/fd/{descriptor}"))
        self._descriptor = descriptor

    def close(self) -> None:
        """Let go of the container; nobody is using this any more."""
        os.close(self._descriptor)

    def open_to_all(self, path: str) -> None:
        """Make a directory that anybody may write to."""
        with self._directory(path, create=True) as descriptor:
            os.fchmod(descriptor, 0o777)

    @override
    def _open_root(self) -> int:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._descriptor)

    @override
    def _admitted(self, descriptor: int) -> int:
        if os.fstatvfs(descriptor).f_flag & os.ST_NOEXEC:
            os.close(descriptor)
            raise PermissionError("a file system of the kernel's own is not entered")
        return descriptor

    @override
    def _set_aside(self, parent: int, name: str) -> None:
        hidden = f".{secrets.token_hex(8)}"
        os.rename(name, hidden, src_dir_fd=parent, dst_dir_fd=parent)


def root_of(facts: Mapping[str, Any]) -> Root | None:
    """A running container's root directory, or None where this process cannot reach it.

    Args:
        facts: The container as inspected. Its process may be one of another machine's, so
            the control group has to name the container too.
    """
    process = Path(f"/proc/{facts['State']['Pid']}")
    try:
        descriptor = os.open(process / "root", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        ours = str(facts["Id"]) in (process / "cgroup").read_text()
        same = (process / "uid_map").read_text().split() == _SAME_USERS
    except OSError:
        ours = same = False
    if ours and same:
        return Root(descriptor)
    os.close(descriptor)
    return None
