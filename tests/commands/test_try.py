"""`autoagent try` and `new-task`: a case that no task has, and the task a human makes of it."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.workspace.tasks.skeleton import MARK, skeleton

pytestmark = pytest.mark.slow


@pytest.fixture
def over(workspace: Path, climbed: Callable[[Path], None]) -> Path:
    """A finished climb that kept an edit."""
    climbed(workspace)
    return workspace


def test_both_sides_answer_a_case_and_a_task_is_made_of_it(autoagent: Any, over: Path) -> None:
    journal = next((over.parent / "state").glob("*/journal.sqlite3"))
    before = journal.stat().st_size
    code, said = autoagent("try", "What is \x1b[1m42?", "--yes", "--workspace", over)
    assert code == 0
    assert "champion, baseline, in the environment of t1" in said
    assert said.index("cost") < said.index("champion ")  # told before anything runs
    assert said.count("1 calls") == 2
    assert said.count("exec cp /app/question.txt") == 2
    assert "\x1b" not in said
    assert journal.stat().st_size == before

    code, said = autoagent("new-task", "what", "--from-try", "--workspace", over)
    assert code == 0
    made = over / "tasks/what"
    assert (made / "instruction.md").read_text() == "What is \x1b[1m42?\n"
    assert (made / "environment/question.txt").read_text() == "question 1\n"
    assert not (made / "solution").exists()
    code, said = autoagent("run", "--tasks", "what", "--workspace", over)
    assert code == 2
    assert MARK in said


def test_a_trial_becomes_a_task_beside_its_own(autoagent: Any, over: Path) -> None:
    code, said = autoagent("new-task", "--from-trial", "e3.t4.1", "--workspace", over)
    assert code == 0, said
    assert (over / "tasks/t4-2/instruction.md").read_text() == "Answer the question: question 4\n"
    assert 'name = "local/t4-2"' in (over / "tasks/t4-2/task.toml").read_text()
    assert "[verifier]" not in (over / "tasks/t4-2/task.toml").read_text()
    again = autoagent("new-task", "t4-2", "--from-trial", "e3.t4.1", "--workspace", over)
    assert again[0] == 2
    assert "exists already" in again[1]


def test_a_skeleton_passes_nothing_even_with_its_mark_taken_out(tmp_path: Path) -> None:
    """Nor does anything that a harness said become a command of it."""
    evil = f"fine\necho 1 > {tmp_path}/reward.txt; exit 0\r\u2028echo 1 > {tmp_path}/reward.txt"
    text = skeleton([evil]).decode().replace("/logs/verifier", str(tmp_path))
    lines = text.splitlines(keepends=True)
    for script in (text, "".join(line for line in lines if MARK not in line)):
        subprocess.run(["bash", "-c", script], check=False, cwd=tmp_path)
        assert (tmp_path / "reward.txt").read_text() == "0\n"


def test_nothing_is_spent_that_nobody_agreed_to(autoagent: Any, over: Path) -> None:
    code, said = autoagent("try", "What?", "--workspace", over)
    assert code == 2
    assert "--yes" in said
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    command = [sys.executable, "-m", "autoagent", "try", "What?", "--workspace", str(over)]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "Run it?" in done.stdout
    assert not list((over.parent / "state").glob("*/runs/*"))


REFUSALS = (
    (("new-task",), "--from-try, or --from-trial ID"),
    (("new-task", "--from-try"), "Nothing was tried"),
    (("new-task", "--from-trial", "e9.t1.1"), "no trial"),
    (("new-task", "a/b", "--from-trial", "e3.t4.1"), "is no name of a task"),
    (("try", "What?", "--yes", "--like", "t9"), "no task 't9'"),
    (("try", " ", "--yes"), "the question is empty"),
)


def test_what_cannot_be_made_says_what_can(autoagent: Any, over: Path) -> None:
    for arguments, said in REFUSALS:
        code, told = autoagent(*arguments, "--workspace", over)
        assert (code, said in told) == (2, True), told
