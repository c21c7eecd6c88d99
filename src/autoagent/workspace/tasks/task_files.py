"""A task as its files, in memory: what is looked at, changed and written out is one record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from autoagent.files import digest_of, read_regular, walk


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


def read_task(directory: Path) -> TaskFiles:
    """List a task's directory.

    Raises:
        OSError: The directory cannot be read.
    """
    tree = walk(directory)
    files = {p: File(directory / p, bool(s.st_mode & 0o111)) for p, s in tree.files.items()}
    return TaskFiles(files, {*tree.directories}, tree.problems)


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
