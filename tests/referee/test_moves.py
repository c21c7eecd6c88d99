"""What a status and a refusal name next can be done, and a move asks the journal for little."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autoagent.errors import (
    AutoAgentError,
    BoundaryError,
    BudgetExceeded,
    CandidateRefused,
    ConfigError,
    OutOfOrder,
)
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.referee.moves import REPORT
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

from .clocks import Machine
from .playing import ALL, ONE, TWO, edit, propose, settle, start, with_baseline

OpenReferee = Callable[[Engine], Referee]


def told(referee: Referee, call: Callable[[], object]) -> str:
    """What a refused call is told to make next, as the server asks for it."""
    with pytest.raises(AutoAgentError) as refused:
        call()
    referee.refused(refused.value)
    return refused.value.next_call or ""


@contextmanager
def counted(referee: Referee) -> Generator[list[str]]:
    """The SELECTs that the referee's own connection makes."""
    seen: list[str] = []
    database = referee._climb.journal._db
    database.set_trace_callback(lambda text: seen.append(text) if "SELECT" in text else None)
    try:
        yield seen
    finally:
        database.set_trace_callback(None)


def test_a_move_asks_the_journal_once(open_referee: OpenReferee, workspace: Path) -> None:
    """The position is in memory: a status asks for the head, an event for the hash before it.

    What was counted once is known; only what is new is read. A commit asks whether its content was
    measured, and for the descriptions that are new.

    A keep comes after a worker wrote, so it asks again for what is newest; for its trials besides,
    which are looked at, and for candidates that git is to show.
    """
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.status()
    with counted(referee) as seen:
        referee.status()
        assert len(seen) == 1, "\n".join(seen)
        seen.clear()
        referee.commit_candidate("an idea")
        assert len(seen) == 3, "\n".join(seen)
    referee.run_benchmark()
    settle(referee)
    with counted(referee) as seen:
        referee.append_result()
    others = [text for text in seen if "trial_finished" not in text]
    assert len([text for text in others if "candidate_committed" not in text]) == 3, seen
    assert len(seen) == 5, seen


def test_whoever_reads_the_journal_beside_a_server_sees_every_move(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    reader = Journal(referee.workspace.journal, read_only=True)
    for move in (lambda: start(referee), referee.run_benchmark, lambda: settle(referee)):
        move()
        assert Position.model_validate_json(reader.position() or "") == referee.position
    reader.close()


# -- what is left of the budget -----------------------------------------------------------


@pytest.mark.rule("R11")
@pytest.mark.parametrize("caps", ["evaluations = 2", "dollars = 1.5\ndollars_per_trial = 0.1"])
def test_a_climb_that_can_start_nothing_more_is_told_to_finish(
    make_workspace: Callable[..., Path], caps: str
) -> None:
    """Before another candidate is committed, and after; a row that waits is written first."""
    rest = "[certify]\npasses = 0\n[gate]\npruning = false\n[benchmark]\nvoid_retries = 0\n"
    root = make_workspace(config=f"[budget]\n{caps}\n{rest}")
    referee = Referee.open(root, ScriptedEngine(ALL))
    with_baseline(referee)
    assert referee.status().next_calls[0] == "commit_candidate(description)"
    edit(root, "X = 1")
    referee.commit_candidate("an idea")
    referee.run_benchmark()
    settle(referee)
    assert referee.status().next_calls == ("append_result(description)",)
    referee.append_result()
    assert referee.status().next_calls[0] == "finish_climb()"
    edit(root, "Y = 1")
    assert told(referee, referee.append_result) == "finish_climb()"
    referee.commit_candidate("one too many")
    assert referee.status().next_calls == ("finish_climb()", "revert()")
    assert told(referee, referee.run_benchmark) == "finish_climb()"
    assert referee.finish_climb().phase == "finished"
    referee.close()


@pytest.mark.rule("R11")
def test_a_baseline_that_ran_out_of_time_is_not_asked_for_again(
    make_workspace: Callable[..., Path], machine: Machine
) -> None:
    root = make_workspace(config="[budget]\nhours = 1\n")
    referee = Referee.open(root, ScriptedEngine(ALL))
    start(referee)
    assert referee.status().next_calls == ("run_benchmark()",)
    machine.works(1.001)
    assert referee.status().next_calls == ("finish_climb()",)
    assert told(referee, referee.run_benchmark) == "finish_climb()"
    referee.close()


@pytest.mark.rule("R11")
def test_a_stop_file_leaves_the_end_as_the_only_step(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """And then the report: a climb that would be stopped at once is not started."""
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("an idea")
    referee.run_benchmark()
    settle(referee)
    (workspace / "STOP").touch()
    assert referee.status().next_calls == ("append_result(description)",)
    referee.append_result()
    assert referee.status().next_calls[0] == "finish_climb()"
    referee.finish_climb()
    status = referee.status()
    assert status.next_calls[0] == REPORT
    assert "STOP asks for the end" in status.halted and status.halted in status.notes
    assert told(referee, lambda: referee.start_climb("second")) == REPORT
    assert referee.position.tag == "night"


# -- refusals -----------------------------------------------------------------------------


@pytest.mark.rule("R11")
def test_a_refusal_names_no_call_that_its_phase_does_not_allow(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO))
    harness = workspace / "agent.py"
    whole = harness.read_text()
    harness.write_text("nothing = 1\n")
    with pytest.raises(BoundaryError):
        referee.start_climb("night")
    assert "revert" not in told(referee, lambda: referee.start_climb("night"))
    harness.write_text(whole)
    start(referee)
    named = told(referee, lambda: referee.run_benchmark(tasks=["t9"]))
    assert named == "run_benchmark()"
    edit(workspace, "def (")
    named = told(referee, lambda: referee.commit_candidate("x", dry_run=True))
    assert "commit_candidate(description, dry_run=true)" in named
    with pytest.raises(CandidateRefused):
        referee.commit_candidate("x", dry_run=True)
    harness.write_text(whole)
    referee.run_benchmark()
    settle(referee)
    assert "append_result" in told(referee, lambda: referee.commit_candidate("x"))


@pytest.mark.rule("R11")
def test_a_trouble_that_lasts_is_named_by_the_status_until_a_move_works(
    open_referee: OpenReferee, workspace: Path
) -> None:
    class Keyless(ScriptedEngine):
        missing = True

        def start(self, spec: object) -> None:
            if self.missing:
                raise ConfigError("No key of a provider is set.", "set OPENAI_API_KEY")
            super().start(spec)  # pyright: ignore[reportArgumentType]

    engine = Keyless(ONE)
    engine.missing = False
    referee = open_referee(engine)
    start(referee)
    engine.missing = True
    named = told(referee, referee.run_benchmark)
    assert named == "tell the human: set OPENAI_API_KEY; then run_benchmark()"
    status = referee.status()
    assert (status.next_calls[0], status.notes[0]) == (named, "No key of a provider is set.")
    engine.missing = False
    assert settle(referee).phase == "evaluated"
    assert referee.status().next_calls == ("append_result(description)",)


def test_over_is_over_only_where_it_is_refused(open_referee: OpenReferee, workspace: Path) -> None:
    """Without a cap every night goes on."""
    referee = open_referee(ScriptedEngine(ONE, TWO, ALL))
    with_baseline(referee)
    for number in range(3):
        propose(referee, workspace, f"X{number} = 1")
        assert referee.status().next_calls[0] == "commit_candidate(description)"
    with pytest.raises(OutOfOrder):
        referee.append_result()
    with pytest.raises(BudgetExceeded):
        (workspace / "STOP").touch()
        edit(workspace, "Z = 1")
        referee.commit_candidate("z")
        referee.run_benchmark()
