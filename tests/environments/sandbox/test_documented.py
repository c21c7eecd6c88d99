"""docs/sandbox.md: what it says of a Dockerfile is what becomes of it."""

import re
from pathlib import Path

import pytest
from harbor.models.task.config import EnvironmentConfig

from autoagent.environments.refereed import MEMORY_MB, PROCESSES
from autoagent.environments.sandbox.sandbox import STORAGE_MB
from autoagent.workspace.tasks.building.dockerfile import parse_dockerfile

from .test_sandbox import build, shell

PAGE = (Path(__file__).parents[3] / "docs/sandbox.md").read_text()
ROW = re.compile(r"^\| `(.*?)` \| (.*) \|$", re.MULTILINE)
LINES, FOUND = PAGE.split("## What a task finds")


@pytest.mark.parametrize(("line", "said"), ROW.findall(LINES))
def test_a_line_of_a_dockerfile_is_taken_as_the_page_says(line: str, said: str) -> None:
    """A refusal is told in these words, with the file and the line."""
    text = line.replace("\\n", "\n")
    if not text.startswith("FROM"):
        text = f"FROM autoagent-base\n{text}"
    recipe, problems = parse_dockerfile(text.encode(), "Dockerfile", ("a.txt", "data/x.csv"))
    refused = said.removeprefix("refuses it: ")
    assert [problem.partition(": ")[2] for problem in problems] == [refused] * (refused != said)
    if refused == said:
        replayed = bool(recipe.steps) or line.startswith(("ARG", "SHELL"))
        assert said == {True: "replays it", False: "passes it over"}[replayed] or "FROM" in line


async def test_a_task_finds_what_the_page_says(tmp_path: Path) -> None:
    """One build, and each command in the sandbox that comes of it."""
    dockerfile = FOUND.split("```dockerfile\n")[1].split("```")[0]
    context = tmp_path / "environment"
    context.mkdir()
    for name, mode in (("a.txt", 0o400), ("run.sh", 0o500)):
        (context / name).write_text("#!/bin/sh\n")
        (context / name).chmod(mode)
    environment = build(tmp_path, dockerfile)
    await environment.start(force_build=False)
    rows = ROW.findall(FOUND)
    try:
        found = {command: await shell(environment, _plain(command)) for command, _ in rows}
    finally:
        await environment.stop(delete=True)
    said = {command: rest.split("`")[1] for command, rest in rows}
    assert {command: " ".join(printed.split()) for command, printed in found.items()} == said


def _plain(command: str) -> str:
    """A command without what a table's cell needs."""
    return command.replace("\\|", "|")


def test_the_page_tells_the_limits_that_are_set() -> None:
    told = f"{MEMORY_MB} MB of memory, {STORAGE_MB} MB of disk and {PROCESSES} processes"
    assert told in PAGE
    assert {"memory_mb", "storage_mb"} <= {*EnvironmentConfig.model_fields}
