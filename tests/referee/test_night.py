"""Rule R10: caps are the night's. A tool starts none anew, nor does a clock that is set back."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.commands.after.verify import replayed
from autoagent.commands.during.renew import renew
from autoagent.errors import BudgetExceeded, WorkspaceError
from autoagent.evidence import clocks
from autoagent.evidence.journal import Journal
from autoagent.referee.moves import ANOTHER, REPORT
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import git
from .clocks import Machine
from .playing import ONE, TWO, propose, start, with_baseline

UNCERTIFIED = "[certify]\npasses = 0\n"


@pytest.fixture
def workspace(make_workspace: Callable[..., Path]) -> Path:
    return make_workspace(config=f"[budget]\nevaluations = 3\nhours = 8\n{UNCERTIFIED}")


def merge(workspace: Path) -> None:
    git(workspace, "merge", "-q", "autoagent/night")


@pytest.mark.rule("R10")
def test_a_second_climb_draws_on_the_caps_that_the_first_left(
    open_referee: Callable[..., Referee], workspace: Path
) -> None:
    """Also where autoagent.toml says more by then: only the human's command grants more."""
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    propose(referee, workspace)
    began = referee.position.started_at
    over = referee.finish_climb()
    assert (over.next_calls[0], over.halted, over.budget_left.evaluations) == (REPORT, ANOTHER, 1)
    toml = workspace / "autoagent.toml"
    toml.write_text(f"[budget]\nevaluations = 90\nhours = 80\n{UNCERTIFIED}")
    git(workspace, "commit", "-qam", "more")
    start(referee, "second")
    status = referee.status()
    assert (status.budget_left.evaluations, referee.position.started_at) == (1, began)
    assert "of 8 h" in status.clock
    referee.run_benchmark()
    assert referee.status().budget_left.evaluations == 0
    referee = open_referee(ScriptedEngine(ONE))
    assert referee.status().budget_left.evaluations == 0


@pytest.mark.rule("R10", "R11")
def test_a_night_that_is_used_up_ends_with_the_report_until_the_human_renews_it(
    open_referee: Callable[..., Referee], workspace: Path
) -> None:
    """The word may be given while a server is open, and is good for one start."""
    with pytest.raises(WorkspaceError, match="No climb was started"):
        renew(workspace)
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    propose(referee, workspace, "X = 1")
    propose(referee, workspace, "Y = 1")
    assert referee.finish_climb().next_calls[0] == REPORT
    with pytest.raises(BudgetExceeded, match="All 3 evaluations.*`autoagent renew`") as refused:
        referee.start_climb("second")
    referee.refused(refused.value)
    assert refused.value.next_call == REPORT
    told = renew(workspace)
    assert "3 evaluations, 8.0 h" in told and "Climb night keeps" in told
    status = referee.status()
    assert (status.next_calls[0], status.budget_left.evaluations) == ("start_climb(tag)", 3)
    merge(workspace)
    start(referee, "second")
    assert referee.status().budget_left.evaluations == 3
    referee.finish_climb()
    assert referee.status().next_calls[0] == REPORT
    found = replayed(workspace)
    assert found.problems == () and any("`autoagent renew`" in flag for flag in found.flags)


@pytest.mark.rule("R10")
def test_a_clock_that_is_set_back_does_not_lengthen_the_night(
    open_referee: Callable[..., Referee], workspace: Path, machine: Machine
) -> None:
    """Nor does a server that is started again, nor a worker's deadline."""
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    start(referee)
    began = referee.position.started_at
    machine.works(6)
    referee.run_benchmark()
    assert referee.status().budget_left.hours == pytest.approx(2, abs=0.1)
    machine.sets_its_clock(-1)
    assert referee.status().budget_left.hours == pytest.approx(2, abs=0.1)
    referee = open_referee(engine)
    assert referee.status().budget_left.hours == pytest.approx(2, abs=0.1)
    assert engine.started[-1].running.deadline == pytest.approx(began + 8 * 3600, abs=60)


def test_the_journals_clock_goes_on_while_the_wall_clock_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    began, paced = journal.now(), itertools.count(time.monotonic(), 60)
    monkeypatch.setattr("time.time", lambda: 0.0)
    monkeypatch.setattr(clocks, "uptime", lambda: None)
    monkeypatch.setattr("time.monotonic", lambda: next(paced))
    assert journal.now() >= began
    assert journal.now() - journal.now() == -60
    journal.close()
