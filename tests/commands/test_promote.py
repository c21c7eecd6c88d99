"""`autoagent promote`: a human's word makes a branch to review, and nothing else does."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.after.promote import promote
from autoagent.errors import AutoAgentError, WorkspaceError
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import git


def yes(told: Any) -> str:
    return told.tag


def no(_: Any) -> str:
    return "no"


@pytest.fixture
def edited(workspace: Path) -> Iterator[Path]:
    """A finished climb that kept two edits at two places, uncertified."""
    passes = [{f"t{n}": [1.0] for n in range(1, most + 1)} for most in (1, 2, 3)]
    referee = Referee.open(workspace, ScriptedEngine(*passes))
    referee.start_climb("night")
    measure(referee)
    harness = workspace / "agent.py"
    for find, replacement in (("MAX_TURNS = 3", "MAX_TURNS = 4"), ('"""', '"""First: ')):
        harness.write_text(harness.read_text().replace(find, replacement, 1))
        referee.commit_candidate(f"say {replacement[-7:]}")
        measure(referee)
    (workspace / "STOP").touch()
    referee.finish_climb()
    settle(referee)
    referee.close()
    (workspace / "STOP").unlink()
    yield workspace


def settle(referee: Referee) -> None:
    while referee.advance().phase in ("validating", "evaluating", "certifying"):
        pass


def measure(referee: Referee) -> None:
    settle(referee)
    referee.run_benchmark()
    settle(referee)
    referee.append_result()


def test_the_champion_is_one_commit_on_what_the_climb_started_from(edited: Path) -> None:
    head = git(edited, "rev-parse", "HEAD")
    (branch,) = promote(edited, yes, force=True)
    assert branch.name == "autoagent/night-promoted"
    assert git(edited, "rev-parse", f"{branch.name}^") == head
    assert git(edited, "diff", branch.name, "autoagent/night") == ""
    said = git(edited, "log", "-1", "--format=%B", branch.name)
    assert said.startswith("Promote climb night")
    assert "NEEDS ATTENTION" in said
    assert said.count("\n- ") == 2
    assert git(edited, "rev-parse", "HEAD") == head


def test_an_edit_is_left_out_and_the_message_says_so(edited: Path) -> None:
    first = git(edited, "log", "--format=%h", "--reverse", "autoagent/night").split()[-2]
    (branch,) = promote(edited, yes, leave_out=[first], force=True)
    promoted = git(edited, "show", f"{branch.name}:agent.py")
    assert "MAX_TURNS = 3" in promoted
    assert '"""First: ' in promoted
    assert "Left out by hand" in git(edited, "log", "-1", "--format=%B", branch.name)


def test_each_kept_edit_is_a_branch_of_its_own(edited: Path) -> None:
    branches = promote(edited, yes, split=True, force=True)
    assert [branch.name for branch in branches] == ["autoagent/night-1", "autoagent/night-2"]
    sources = [git(edited, "show", f"{branch.name}:agent.py") for branch in branches]
    assert ["MAX_TURNS = 4" in source for source in sources] == [True, False]
    assert ['"""First: ' in source for source in sources] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "NEEDS ATTENTION"),
        ({"force": True, "leave_out": ["1234567"]}, "is no kept edit"),
        ({"force": True, "ask": no}, "not the climb's tag"),
    ],
)
def test_what_is_not_certified_or_not_confirmed_is_not_promoted(
    edited: Path, arguments: dict[str, Any], said: str
) -> None:
    before = git(edited, "for-each-ref")
    with pytest.raises(WorkspaceError, match=said):
        promote(edited, arguments.pop("ask", yes), **arguments)
    assert git(edited, "for-each-ref") == before


def test_a_climb_that_still_runs_is_not_promoted(
    workspace: Path, open_referee: Callable[[Any], Referee]
) -> None:
    referee = open_referee(ScriptedEngine({"t1": [1.0]}))
    referee.start_climb("night")
    with pytest.raises(AutoAgentError, match="referees this workspace"):
        promote(workspace, yes, force=True)
    referee.close()
    with pytest.raises(WorkspaceError, match="is not over"):
        promote(workspace, yes, force=True)


def test_only_who_sits_at_a_terminal_is_asked(autoagent: Any, edited: Path) -> None:
    code, said = autoagent("promote", "--workspace", edited, "--force")
    assert code == 2
    assert "a human's decision" in said
    ours, theirs = pty.openpty()
    os.write(ours, b"night\n")
    command = [sys.executable, "-m", "autoagent", "promote", "--workspace", str(edited), "--force"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert "made     autoagent/night-promoted" in done.stdout, done.stderr
