"""A task as its files, in memory, and the files below `base/` that all tasks share.

`base/app/tool` is `/app/tool` in every task. The base image has them because `Dockerfile.base`
copies them; the sandbox lays the same files under a root before it replays a task's Dockerfile.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from autoagent.errors import WorkspaceError
from autoagent.files import digest_of, read_regular, tree_digest, walk

BASE = "base"


class File(NamedTuple):
    """A file of a task: where it is read from, or its new content."""

    content: Path | bytes
    executable: bool = False

    def read(self) -> bytes:
        """Its bytes."""
        return self.content if isinstance(self.content, bytes) else read_regular(self.content)


@dataclass
class TaskFiles:
    """A task's files by relative path; `problems` has a line for each that cannot be copied."""

    files: dict[str, File]
    directories: set[str]
    problems: list[str] = field(default_factory=list[str])

    def below(self, directory: str) -> dict[str, File]:
        """The files in a directory, by path relative to it."""
        start = directory + "/"
        return {p.removeprefix(start): f for p, f in self.files.items() if p.startswith(start)}

    def inside(self, directory: str) -> list[str]:
        """The directories in a directory, by path relative to it."""
        start = directory + "/"
        return [p.removeprefix(start) for p in self.directories if p.startswith(start)]


def read_task(directory: Path) -> TaskFiles:
    """List a task's directory; a link that stays inside stands for what it leads to.

    Raises:
        OSError: The directory cannot be read.
    """
    return _read(directory, directory.resolve(), ())


def _read(directory: Path, task: Path, above: tuple[Path, ...]) -> TaskFiles:
    """List a directory of a task's; `above` are those that links led through."""
    tree, here = walk(directory), directory.resolve()
    files = {p: File(directory / p, bool(s.st_mode & 0o111)) for p, s in tree.files.items()}
    found = TaskFiles(files, {*tree.directories}, tree.problems)
    for name in tree.links:
        try:
            leads = (directory / name).resolve(strict=True)
        except (OSError, RuntimeError):  # to nothing, or in circles
            continue
        loops = any(place.is_relative_to(leads) for place in (here, *above))
        if not leads.is_relative_to(task) or loops:
            continue
        found.problems = [line for line in found.problems if not line.startswith(f"{name}: ")]
        if leads.is_file():
            found.files[name] = File(leads, os.access(leads, os.X_OK))
        elif leads.is_dir():
            inner = _read(leads, task, (*above, here))
            found.files |= {f"{name}/{path}": file for path, file in inner.files.items()}
            found.directories |= {name, *(f"{name}/{path}" for path in inner.directories)}
            found.problems += [f"{name}/{line}" for line in inner.problems]
    return found


def write_task(task: TaskFiles, target: Path) -> None:
    """Write a task into a new directory, as regular files of mode 0644 or 0755."""
    target.mkdir(parents=True, exist_ok=True)
    for name in sorted(task.directories):
        (target / name).mkdir(parents=True, exist_ok=True)
    for name, file in task.files.items():
        path = target / name
        path.write_bytes(file.read())
        path.chmod(0o755 if file.executable else 0o644)


def task_digest(files: Mapping[str, File]) -> str:
    """Names the content of a task, as `digest_of` does."""
    return digest_of((name, files[name].executable, files[name].read()) for name in sorted(files))


def base_below(root: Path) -> Path | None:
    """The shared files of a workspace or a snapshot, None where there are none."""
    base = root / BASE
    return base if base.is_dir() else None


def base_of(environment: Path) -> Path | None:
    """The shared files that a task's `environment/` starts from, None where there are none.

    They lie beside the directory of tasks: `base/` and `tasks/<name>/environment/`. So it is in
    a snapshot, for its held-out tasks too.
    """
    return base_below(environment.absolute().parents[2])


def copy_base(workspace: Path, target: Path) -> None:
    """Copy a workspace's shared files, if it has any, as `write_task` does.

    Raises:
        WorkspaceError: There is something else than a regular file among them.
    """
    base = workspace / BASE
    if not base.exists() and not base.is_symlink():
        return
    if base.is_symlink() or not base.is_dir():
        raise WorkspaceError(f"{base}: is no directory. Put the files there that all tasks share.")
    shared = read_task(base)
    if shared.problems:
        raise WorkspaceError("\n".join(f"{BASE}/{problem}" for problem in shared.problems))
    write_task(shared, target)


def digest_on(base: Path | None, digest: str) -> str:
    """Name what `digest` names together with the shared files; without any it stays the same."""
    if base is None:
        return digest
    return digest_of([(BASE, False, tree_digest(base).encode()), ("", False, digest.encode())])
