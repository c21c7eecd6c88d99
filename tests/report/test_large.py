"""A large night is read and drawn in a bounded time and memory."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.commands.after.report import report
from autoagent.commands.after.verify import journal_of
from autoagent.report.diffs import stored
from autoagent.report.played import last_climb
from autoagent.workspace.git import store as stores
from autoagent.workspace.git.projection import Projection

from .nights import night, recorded

CANDIDATES, TASKS = 60, 60
MOST_BYTES = 1100
"""Of memory for a trial; a record of all its fields has 3,500."""
MOST_SECONDS = 15.0
"""Of a processor, most of it the chart's library; 0.9 s on a quiet machine."""


def test_a_trial_of_a_night_is_held_in_a_kilobyte(workspace: Path) -> None:
    """Of 1,000 tasks and 500 candidates there are half a million."""
    written = recorded(workspace, night(CANDIDATES, TASKS))
    with journal_of(written) as journal:
        journal.check()
        tracemalloc.start()
        climb = last_climb(journal)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    trials = sum(len(one.trials) for one in climb.evaluations.values())
    assert len(climb.rows) == CANDIDATES
    assert trials > CANDIDATES * TASKS / 2
    assert used / trials < MOST_BYTES


def test_a_large_climb_is_told_from_its_journal_in_seconds(workspace: Path) -> None:
    recorded(workspace, night(CANDIDATES, TASKS))
    began = time.process_time()
    told, page = report(workspace)
    assert time.process_time() - began < MOST_SECONDS
    assert (len(told.steps), len(told.edits), told.headline) == (
        CANDIDATES, CANDIDATES // 10 - 1, "NEEDS ATTENTION",
    )  # fmt: skip
    assert "+TURNS = 50" in page.read_text("utf-8")


def test_the_diffs_of_a_night_start_one_git_for_each_candidate_and_one_for_all(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    climb = night(CANDIDATES, TASKS // 10)
    written = recorded(workspace, climb)
    with journal_of(written) as journal:
        commits = [one.commit for one in last_climb(journal).rows if one.row.status == "keep"]
    started = _counted(monkeypatch)
    diffs = list(stored(Projection(written), list(zip(commits, commits[1:], strict=False))))
    assert all("-TURNS" in "".join(change.lines) for change in diffs)
    assert len(started) == len(commits) + 1


def test_a_candidate_that_is_lost_takes_no_other_diff_with_it(workspace: Path) -> None:
    written = recorded(workspace, night(30, 2))
    with journal_of(written) as journal:
        first, second, third = (
            one.commit for one in last_climb(journal).rows if one.row.status == "keep"
        )
    found = list(stored(Projection(written), [(first, second), (second, "f" * 40), (None, third)]))
    assert "+TURNS = 10" in found[0].lines
    assert found[0].skills == ("changed skills/count/SKILL.md",)
    assert found[1].lines[0].startswith("It cannot be shown")
    assert found[2].lines == ()


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    started: list[str] = []
    run: Callable[..., bytes] = stores.run_git

    def count(repository: Path, *arguments: str, given: bytes = b"") -> bytes:
        started.append(arguments[0])
        return run(repository, *arguments, given=given)

    monkeypatch.setattr(stores, "run_git", count)
    return started
