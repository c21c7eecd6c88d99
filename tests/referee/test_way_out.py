"""The way out of a climb: what it leaves in the human's repository."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.errors import TaskError
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import git
from .playing import ALL, ONE, TWO, edit, propose, settle, start, with_baseline

OpenReferee = Callable[[Engine | None], Referee]


def ended(referee: Referee) -> None:
    referee.finish_climb()
    settle(referee)
    assert referee.position.phase == "finished"


@pytest.mark.parametrize("untracked", [True, False])
def test_a_champion_is_taken_over_by_the_merge_that_is_told(
    open_referee: OpenReferee, workspace: Path, *, untracked: bool
) -> None:
    """Files that git does not track would stop a merge: those of the champion's are on its branch.

    The meta-agent's memory is no part of it and stays, and so does whatever else lies there.
    """
    (workspace / ".agent/notes").mkdir(parents=True)
    (workspace / ".agent/style.md").write_text("be brief")
    if not untracked:
        git(workspace, "add", "-A")
        git(workspace, "commit", "-q", "-m", "style")
    (workspace / "diary").write_text("mine")
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    (workspace / ".agent/notes/memory.md").write_text("tried")
    (workspace / ".agent/new.md").write_text("a skill of the champion's")
    assert propose(referee, workspace, "BETTER = 1", "better").status == "keep"
    edit(workspace, "LEFT_OVER = 1")

    ended(referee)
    git(workspace, "merge", "autoagent/night")

    assert "BETTER = 1" in (workspace / "agent.py").read_text()
    assert "LEFT_OVER" not in (workspace / "agent.py").read_text()
    assert (workspace / ".agent/style.md").read_text() == "be brief"
    assert (workspace / ".agent/new.md").read_text() == "a skill of the champion's"
    assert (workspace / ".agent/notes/memory.md").read_text() == "tried"
    assert git(workspace, "status", "--porcelain") == "?? .agent/notes/\n?? diary\n"


def test_what_is_edited_after_the_end_is_the_humans(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """Files are handed back once: neither a new server nor a certification by hand repeats it."""
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    propose(referee, workspace, "BETTER = 1", "better")
    ended(referee)
    edit(workspace, "MINE = 1")
    referee = open_referee(ScriptedEngine(ALL))
    assert "MINE = 1" in (workspace / "agent.py").read_text()
    assert not any("HEAD" in note for note in referee.status().notes)


def test_a_head_that_moved_meanwhile_keeps_its_files(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """Who commits during a climb has files of their own there: nothing is overwritten, and told."""
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    propose(referee, workspace, "BETTER = 1", "better")
    git(workspace, "commit", "-q", "-a", "-m", "the meta-agent commits too")
    ended(referee)
    assert "BETTER = 1" in (workspace / "agent.py").read_text()
    assert any("HEAD is not where the climb started" in note for note in referee.status().notes)


def test_a_start_that_failed_leaves_its_tag_free(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """No branch is made before a task is known to be usable; then there is one."""
    referee = open_referee(ScriptedEngine(ALL, oracle={"t1": [0.0]}))
    referee.start_climb("night")
    with pytest.raises(TaskError, match="No task can be used") as refused:
        settle(referee)
    assert refused.value.next_call is not None
    assert 'start_climb("night") again' in refused.value.next_call
    assert git(workspace, "branch", "--list", "autoagent/*") == ""

    assert start(open_referee(ScriptedEngine(ALL)), "night").phase == "baseline_needed"
    assert git(workspace, "branch", "--list", "autoagent/*").split() == ["autoagent/night"]
