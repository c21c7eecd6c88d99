"""What is in a tree that a candidate could write to, read from outside of it.

Links, pipes, devices, sockets, and files with several names; the rest is only counted. Every
directory is opened relative to the one above it and never through a link, and two are open at
a time, however deep the tree is. What vanishes meanwhile was not left.

It does not know what is tampering.
"""

import contextlib
import os
import stat
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from autoagent.environments.tampering.leftovers import Budget, LeftKind, Leftover, TooMuch

LEVELS_LIMIT = 1024
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS: dict[int, LeftKind] = {
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "pipe",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
    stat.S_IFREG: "file",
}


def read(root: Path, budget: Budget, skip: Collection[str] = ()) -> list[Leftover]:
    """Everything that is neither a directory nor a file with one name.

    Args:
        root: The tree.
        budget: What it may cost.
        skip: Names directly below it that are not looked at.

    Raises:
        TooMuch: There is more than honest work leaves.
        InfrastructureFault: It takes longer than it can.
    """
    walk = _Walk(os.open(root, _DIRECTORY), budget)
    try:
        walk.start(skip)
        while walk.trail:
            walk.step()
    finally:
        walk.end()
    return walk.found


def one(name: str, path: str, directory: int | None = None) -> Leftover | None:
    """What a name stands for; None where that is a directory or nothing.

    Args:
        name: Its last component is not followed.
        path: Where a process inside sees it.
        directory: What the name is relative to, if it is no absolute one.
    """
    try:
        facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
        kind = _KINDS.get(stat.S_IFMT(facts.st_mode))
        if kind is None:
            return None
        text = os.readlink(name, dir_fd=directory) if kind == "link" else ""
    except OSError:
        return None
    return Leftover(path, kind, text, (facts.st_dev, facts.st_ino), facts.st_nlink)


class _Level(NamedTuple):
    """A directory on the way down."""

    path: str
    inode: tuple[int, int]
    waiting: list[str]
    """The directories in it that are still to be looked at."""
    closed: int | None
    """The mode that it gets back, where it had to be opened up."""


class _Walk:
    """A walk over a tree.

    Attributes:
        trail: The directories from the root to the one that is open.
        found: What was found so far.
    """

    def __init__(self, root: int, budget: Budget) -> None:
        self.trail: list[_Level] = []
        self.found: list[Leftover] = []
        self._here, self._budget = root, budget

    def start(self, skip: Collection[str]) -> None:
        """Read the root."""
        waiting = self._scan(self._here, "", skip)
        self.trail.append(_Level("", _inode(self._here), waiting, None))

    def step(self) -> None:
        """Read the next directory below; where there is none, go back up."""
        level = self.trail[-1]
        if not level.waiting:
            self._leave()
            return
        name = level.waiting.pop()
        if (opened := _opened(self._here, name)) is None:
            return
        directory, closed = opened
        with contextlib.ExitStack() as stack:
            stack.callback(_shut, directory, closed)
            if len(self.trail) == LEVELS_LIMIT:
                raise TooMuch(f"the trial left directories that are deeper than {LEVELS_LIMIT}")
            path = self._budget.keep(f"{level.path}/{name}")
            if waiting := self._scan(directory, path):
                stack.pop_all()
                os.close(self._here)
                self._here = directory
                self.trail.append(_Level(path, _inode(directory), waiting, closed))

    def end(self) -> None:
        """Give the directories of the trail back what they had, and let go of the last."""
        with contextlib.suppress(OSError, TooMuch):
            while self.trail:
                self._leave()
        os.close(self._here)

    def _leave(self) -> None:
        level = self.trail.pop()
        if not self.trail:
            return
        above = os.open("..", _DIRECTORY, dir_fd=self._here)
        _shut(self._here, level.closed)
        self._here = above
        if _inode(above) != self.trail[-1].inode:
            self.trail.clear()
            raise TooMuch("the trial moves its directories about")

    def _scan(self, directory: int, path: str, skip: Collection[str] = ()) -> list[str]:
        """Note what is in a directory; the directories in it."""
        waiting, seen = list[str](), 0
        with os.scandir(directory) as entries:
            for seen, entry in enumerate(entries, 1):
                if seen % 1024 == 0:
                    self._budget.entries(1024)
                name = entry.name
                if name in skip:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(self._budget.keep(name))
                elif not _plain(entry):
                    self._note(directory, path, name)
        self._budget.entries(seen % 1024)
        return waiting

    def _note(self, directory: int, place: str, name: str) -> None:
        left = one(name, self._budget.keep(f"{place}/{name}"), directory)
        if left is not None:
            self._budget.keep(left.text)
            self.found.append(left)


def _plain(entry: os.DirEntry[str]) -> bool:
    """Whether this is a file with one name, or gone."""
    if not entry.is_file(follow_symlinks=False):
        return False
    try:
        return entry.stat(follow_symlinks=False).st_nlink == 1
    except OSError:
        return True


def _opened(parent: int, name: str) -> tuple[int, int | None] | None:
    """Open a directory, and its mode if that had to be changed; None where it is gone."""
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent), None
    except PermissionError:  # closed to its own owner, who need not read it to reach what is in it
        pass
    except OSError:
        return None
    place = os.open(name, _PLACE, dir_fd=parent)
    try:
        mode, itself = stat.S_IMODE(os.fstat(place).st_mode), f"/proc/self/fd/{place}"
        os.chmod(itself, mode | stat.S_IRWXU)
        return os.open(itself, _DIRECTORY & ~os.O_NOFOLLOW), mode
    finally:
        os.close(place)


def _shut(directory: int, mode: int | None) -> None:
    """Let go of a directory, which gets back a mode that was changed."""
    if mode is not None:
        os.fchmod(directory, mode)
    os.close(directory)


def _inode(directory: int) -> tuple[int, int]:
    facts = os.fstat(directory)
    return facts.st_dev, facts.st_ino
