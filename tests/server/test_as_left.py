"""A task whose answer is its HOME: found by its oracle, verified as it was left, and said so."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mcp import Client

from autoagent.commands.after.export import export
from autoagent.evidence.events import TasksValidated, TrialFinished
from autoagent.evidence.journal import Journal
from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.workspace.layout import open_workspace

from ..conftest import git
from .callers import PATIENT, Caller

pytestmark = pytest.mark.slow

SAYS = """\
#!/bin/bash
[ "$(bash -ic 'echo $GREETING')" = hello ]; echo $((! $?)) > /logs/verifier/reward.txt
"""
CONFIG = "[benchmark]\nconcurrency = 2\n"


async def test_a_task_that_configures_home_is_verified_as_left_and_every_reader_says_so(
    make_workspace: Callable[..., Path],
) -> None:
    """Rule R1: the oracle fails with a fresh HOME and passes with its own; then it keeps that."""
    root = make_workspace({"shell": ("greet", "hello"), "plain": ("hello", "hello")}, config=CONFIG)
    (root / "tasks/shell/tests/test.sh").write_text(SAYS)
    solve = "#!/bin/bash\necho 'export GREETING=hello' > ~/.bashrc\n"
    (root / "tasks/shell/solution/solve.sh").write_text(solve)
    git(root, "commit", "-qam", "shell")

    with closing(Referee.open(root)) as referee:
        async with Client(build_server(referee, PATIENT)) as client:
            caller = Caller(client)
            await caller.baseline()
            status = await caller.ask("status")

    said = [note for note in status["notes"] if "as_left" in note]
    assert len(said) == 1
    assert "task shell is verified as_left, a weaker proof" in said[0]
    with closing(Journal(open_workspace(root).journal, read_only=True)) as journal:
        validated = [entry.event.as_left for entry in journal.of_kind(TasksValidated)]
        trials = [entry.event.trial for entry in journal.of_kind(TrialFinished)]
    assert validated == [("shell",)]
    assert {(t.task, t.as_left) for t in trials} >= {("shell", True), ("plain", False)}
    climb = export(root)["climbs"][0]
    assert climb["as_left"] == ["shell"]
