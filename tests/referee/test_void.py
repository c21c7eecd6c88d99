"""Rule R9: what measured nothing is no score, and a cause that lasts is the human's to mend."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autoagent.evidence.events import ProviderOut
from autoagent.evidence.journal import Journal
from autoagent.gate.decide import heard, score_of, state_of
from autoagent.records import Outcome, Running, Trial
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from .playing import ONE, TWO, edit, propose, settle, start, with_baseline

OpenReferee = Callable[..., Referee]
VOID = {f"t{n}": [None] for n in range(1, 5)}


@pytest.mark.rule("R9", "R11")
@pytest.mark.parametrize("failed", ["timeout", "crashed"])
def test_a_baseline_that_never_made_a_call_is_no_measurement(
    open_referee: OpenReferee, failed: Outcome
) -> None:
    """Its cause is in the status, and the next step is the human's; then it is measured again."""
    engine = ScriptedEngine({}, {}, ONE, failed=failed, silent=True)
    referee = open_referee(engine)
    start(referee)
    referee.run_benchmark()
    position = settle(referee)
    assert (position.phase, position.pending) == ("baseline_needed", None)
    status = referee.status()
    assert status.next_calls[0] == "tell the human what is wrong, then run_benchmark()"
    assert "e3 measured nothing" in status.halted and "before the first call" in status.halted
    assert status.halted in status.notes
    engine.silent = False
    referee = open_referee(engine)
    assert referee.status().next_calls[0].startswith("tell the human")
    referee.run_benchmark()
    assert settle(referee).pending is not None
    assert referee.status().halted == ""


@pytest.mark.rule("R9")
def test_a_candidate_that_hangs_before_its_first_call_is_void_and_one_that_crashes_is_a_crash(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """Neither is trouble of the machine's: the night goes on."""
    engine = ScriptedEngine(TWO, {}, failed="timeout")
    referee = open_referee(engine)
    with_baseline(referee)
    cases: list[tuple[Outcome, str]] = [("timeout", "indecisive"), ("crashed", "crashed")]
    for failed, reason in cases:
        engine.silent, engine.failed = True, failed
        edit(workspace, f"X = '{failed}'")
        referee.commit_candidate(failed)
        referee.run_benchmark()
        position = settle(referee)
        assert position.pending is not None and position.pending.reason == reason
        referee.append_result()
        assert referee.status().next_calls[0] == "commit_candidate(description)"


def test_a_pass_is_heard_where_one_trial_made_a_call() -> None:
    def trial(task: str, attempt: int, *, silent: bool) -> Trial:
        return Trial(id=f"e1.{task}.{attempt}", task=task, attempt=attempt, outcome="timeout",
                     reward=0.0, silent=silent)  # fmt: skip

    running = Running(id="e1", kind="baseline", candidate="c", digest="d", tasks=("a", "b"),
                      attempts=1, passes=2)  # fmt: skip
    spoken = [trial(task, 1, silent=False) for task in ("a", "b")]
    same = [each.replace(outcome="crashed", detail="no such model") for each in spoken]
    base = running.replace(kind="baseline", one_cause_is_none=True)
    assert [t.outcome for t in heard(base, same)] == ["void", "void"]
    assert heard(base, [same[0], same[1].replace(detail="KeyError")])[0].outcome == "crashed"
    assert heard(base.replace(one_cause_is_none=False), same) == same  # journals of before
    mute = [trial("a", 1, silent=True), trial("b", 1, silent=True)]
    spoke = [trial("a", 2, silent=True), trial("b", 2, silent=False)]
    assert [t.outcome for t in heard(running, [*mute, *spoke])] == [*["void"] * 2, *["timeout"] * 2]
    assert score_of(running, [*mute, *spoke], seconds=1.0).void == 2
    assert state_of("complete", running, [*mute, *spoke]) == "indecisive"
    assert heard(running, spoke) is spoke
    subset = running.replace(kind="subset")
    assert heard(subset, mute) is mute


@pytest.mark.rule("R9", "R11")
def test_a_provider_that_is_dead_is_named_and_the_candidate_can_be_measured_when_it_is_back(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """The row comes first; what measured nothing is no answer to the same content (rule R8)."""
    referee = open_referee(ScriptedEngine(ONE, VOID, TWO))
    with_baseline(referee)
    edit(workspace, "X = 1")
    whole = (workspace / "agent.py").read_text()
    referee.commit_candidate("an idea")
    referee.run_benchmark()
    settle(referee)
    assert referee.status().next_calls == ("append_result(description)",)
    referee.append_result()
    status = referee.status()
    human = "tell the human what is wrong, then commit_candidate(description)"
    assert (status.next_calls[0], "e4 measured nothing" in status.halted) == (human, True)
    (workspace / "agent.py").write_text(whole)
    assert referee.commit_candidate("the same idea").duplicate_of is None
    referee.run_benchmark()
    position = settle(referee)
    assert position.pending is not None and position.pending.status == "keep"


PARTLY = {"t1": [1.0], "t2": [None], "t3": [1.0], "t4": [1.0]}


@pytest.mark.rule("R8", "R9")
@pytest.mark.parametrize("how", ["partly void", "crashed without an answer"])
def test_what_an_outage_spoilt_is_measured_again_when_it_is_committed_again(
    open_referee: OpenReferee, workspace: Path, how: str
) -> None:
    """One outage loses no idea: R8 holds for what was measured."""
    spoilt = PARTLY if how == "partly void" else {}
    engine = ScriptedEngine(ONE, spoilt, TWO, failed="crashed")
    referee = open_referee(engine)
    with_baseline(referee)
    engine.unanswered = how != "partly void"
    propose(referee, workspace, "X = 1")
    engine.unanswered = False
    edit(workspace, "X = 1")
    assert referee.commit_candidate("the same idea").duplicate_of is None
    referee.run_benchmark()
    position = settle(referee)
    assert position.pending is not None and position.pending.status == "keep"


@pytest.mark.rule("R7", "R8")
def test_what_an_outage_spoilt_has_its_row_before_it_is_measured_again(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """While its verdict waits, asking for the benchmark gives the evaluation that there is."""
    referee = open_referee(ScriptedEngine(ONE, PARTLY, TWO))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("idea")
    evaluation = referee.run_benchmark()
    settle(referee)

    assert referee.run_benchmark() == evaluation
    assert referee.position.phase == "evaluated"
    assert referee.append_result().status == "discard"


@pytest.mark.rule("R8")
def test_what_crashed_with_its_models_answers_is_not_measured_again(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, {}, TWO, failed="crashed"))
    with_baseline(referee)
    propose(referee, workspace, "X = 1")
    edit(workspace, "X = 1")
    assert referee.commit_candidate("the same idea").duplicate_of is not None


@pytest.mark.rule("R9", "R11")
def test_a_provider_that_is_out_is_in_the_status_until_it_is_back(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE, hold=True)
    referee = open_referee(engine)
    start(referee)
    evaluation = referee.run_benchmark()
    with closing(Journal(engine.started[-1].journal)) as journal:
        journal.append(ProviderOut(provider="openai", cause="openai answered 503"), evaluation)
        (note,) = [note for note in referee.status().notes if "openai answered 503" in note]
        assert "no trial begins until it answers again" in note
        journal.append(ProviderOut(provider="openai", cause=""), evaluation)
    assert not [note for note in referee.status().notes if "openai" in note]
    engine.release()
    settle(referee)
