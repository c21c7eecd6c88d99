"""A task made of another's environment: a new question, and a verifier that a human has to write.

A skeleton never passes, whatever a harness does, and a climb leaves its task out and says why, so
that nobody takes it for a verifier.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from autoagent.errors import TaskError
from autoagent.evidence.untrusted import plain
from autoagent.workspace.tasks.task_files import File, TaskFiles, read_task, write_task

MARK = "AUTOAGENT-SKELETON"
"""Stands in a verifier that nobody wrote yet."""
UNWRITTEN = (
    f"tests/test.sh: is a skeleton and passes nothing. Write what a right answer is, and remove "
    f"the lines with {MARK}."
)
WIDTH = 200
_TABLE = re.compile(r"\s*\[+\s*\"?([A-Za-z_]+)")
_NAME = re.compile(r"(\s*name\s*=\s*)(\"[^\"]*\"|'[^']*')(.*)")


def skeleton(seen: Iterable[str]) -> bytes:
    """A verifier to be written; `seen` is what harnesses answered, told in its comments."""
    lines = [
        "#!/bin/bash",
        f"# {MARK}: remove this line and the next two when the checks below are written.",
        f'echo "{MARK}: nobody wrote this verifier yet" >&2',
        f"echo 0 > /logs/verifier/reward.txt; exit 1  # {MARK}",
        "",
        "# What harnesses did, to write a check from; it may be wrong.",
        *(f"# {line[:WIDTH]}" for text in seen for line in plain(text).splitlines()),
        "",
        "# Say what a right answer is: look at the state that a harness leaves, in the work",
        "# directory of environment/Dockerfile, and not at what it says that it did.",
        "passed=0",
        '# [ "$(cat answer.txt)" = "42" ] && passed=1',
        "echo $passed > /logs/verifier/reward.txt",
    ]
    return "\n".join([*lines, ""]).encode()


def is_skeleton(task: TaskFiles) -> bool:
    """Whether nobody wrote the task's verifier yet."""
    script = task.files.get("tests/test.sh")
    return script is not None and MARK.encode() in script.read()


def write_like(source: Path, target: Path, instruction: str, verifier: bytes) -> None:
    """Write a task that has the environment of `source` and is otherwise new.

    What belongs to the old verifier is left behind: tests, solution and its tables of task.toml.

    Raises:
        TaskError: There is a task at `target` already, or it would ask for nothing.
        OSError: It cannot be read or written.
    """
    if target.exists() or target.is_symlink():
        raise TaskError(f"{target} exists already. Name the new task otherwise.")
    if not instruction.strip():
        raise TaskError(f"{target.name}: the question is empty.")
    old = read_task(source)
    toml = old.files["task.toml"].read().decode("utf-8", "replace")
    files = {path: file for path, file in old.files.items() if path.startswith("environment/")}
    files |= {
        "task.toml": File("\n".join([*_bare(toml.splitlines(), target.name), ""]).encode()),
        "instruction.md": File(instruction.rstrip().encode("utf-8", "replace") + b"\n"),
        "tests/test.sh": File(verifier, executable=True),
    }
    kept = {path for path in old.directories if path.split("/")[0] == "environment"}
    write_task(TaskFiles(files, {*kept, "environment", "tests"}), target)


def _bare(lines: list[str], name: str) -> Iterator[str]:
    """The lines of a task.toml without its verifier's tables, and with a new name."""
    table = ""
    for line in lines:
        if found := _TABLE.match(line):
            table = found[1]
        if table in ("verifier", "reward", "solution", "steps") or (
            table == "task" and line.lstrip().startswith("description")
        ):
            continue
        named = _NAME.fullmatch(line) if table == "task" else None
        if named:
            owner = named[2][1:-1].rpartition("/")[0] or "local"
            yield f'{named[1]}"{owner}/{name.lower()}"{named[3]}'
        else:
            yield line
