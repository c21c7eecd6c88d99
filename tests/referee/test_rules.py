"""The rules of the game, played over the scripted engine: one climb, many nights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.commands.after.verify import audit
from autoagent.errors import (
    BudgetExceeded,
    CandidateRefused,
    InfrastructureFault,
    OutOfOrder,
    TaskError,
    UnknownName,
)
from autoagent.evidence import ledger
from autoagent.evidence.events import EvaluationFinished, ResultRecorded
from autoagent.evidence.journal import Journal
from autoagent.records import row_of
from autoagent.referee.measuring import MAX_WORKER_STARTS
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

from .playing import ALL, ONE, THREE, TWO, edit, propose, settle, start, with_baseline

OpenReferee = Callable[[Engine | None], Referee]

# -- R1 -----------------------------------------------------------------------------------


@pytest.mark.rule("R1")
def test_a_task_whose_oracle_fails_is_left_out_and_reported(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine(ALL, oracle={**ALL, "t2": [0.0]}))
    assert start(referee).tasks == ("t1", "t3", "t4")
    assert any("t2 is left out: its oracle" in note for note in referee.status().notes)


@pytest.mark.rule("R1")
def test_a_task_that_a_noop_passes_is_left_out(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine(ALL, noop={"t4": [1.0]}))
    assert start(referee).tasks == ("t1", "t2", "t3")


@pytest.mark.rule("R1")
def test_a_climb_without_a_usable_task_is_refused_and_another_can_be_started(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ALL, oracle={"t1": [0.0]}))
    referee.start_climb("first")
    with pytest.raises(TaskError, match="No task can be used"):
        settle(referee)
    assert referee.position.phase == "finished"
    assert start(open_referee(ScriptedEngine(ALL)), "second").phase == "baseline_needed"


@pytest.mark.rule("R1")
def test_a_task_is_proven_once_for_its_content(open_referee: OpenReferee) -> None:
    engine = ScriptedEngine(ALL)
    referee = open_referee(engine)
    start(referee, "first")
    referee.finish_climb()
    start(referee, "second")
    assert [(spec.running.kind, spec.climb) for spec in engine.started] == [
        ("oracle", "first"),
        ("noop", "first"),
    ]


@pytest.mark.rule("R1")
def test_changes_to_frozen_files_are_reported_and_never_measured(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ALL)
    referee = open_referee(engine)
    start(referee)
    (workspace / "tasks/t1/tests/test.sh").write_text("echo 1 > /logs/verifier/reward.txt\n")
    referee.run_benchmark()
    settle(referee)
    assert any("tasks/t1" in line for line in referee.status().drift)
    measured = engine.started[-1].tasks[0].path / "tests/test.sh"
    assert "answer 1" in measured.read_text()


@pytest.mark.rule("R1")
def test_a_configuration_changed_during_a_climb_has_no_effect(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine({"t1": [0.1]})
    with_baseline(open_referee(engine))
    (workspace / "autoagent.toml").write_text(
        'isolation = "process"\n[benchmark]\npass_reward = 0.05\n'
    )
    referee = open_referee(engine)
    assert propose(referee, workspace).status == "discard"
    assert engine.started[-1].config.isolation == "sandbox"
    assert engine.started[-1].config.benchmark.pass_reward == 1.0
    assert any("autoagent.toml" in line for line in referee.status().drift)


@pytest.mark.rule("R1")
def test_a_noop_is_judged_by_the_pass_reward_that_is_in_force(
    open_referee: OpenReferee, workspace: Path
) -> None:
    halves = {task: [0.6] for task in ALL}
    referee = open_referee(ScriptedEngine(ALL, noop=halves))
    assert start(referee, "first").tasks == tuple(ALL)
    referee.finish_climb()
    (workspace / "autoagent.toml").write_text("[benchmark]\npass_reward = 0.5\n")
    with pytest.raises(TaskError, match="does nothing passes"):
        start(open_referee(ScriptedEngine(ALL, noop=halves)), "second")


# -- R2 -----------------------------------------------------------------------------------


@pytest.mark.rule("R2")
def test_nothing_is_proposed_before_the_baseline_is_measured(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ALL))
    start(referee)
    edit(workspace, "X = 1")
    with pytest.raises(OutOfOrder) as refused:
        referee.commit_candidate("too early")
    assert refused.value.next_call == "run_benchmark()"
    with pytest.raises(OutOfOrder, match="baseline comes first"):
        referee.run_benchmark(tasks=["t1"])


@pytest.mark.rule("R2")
def test_the_baseline_is_the_harness_as_it_was_when_the_climb_started(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ALL)
    referee = open_referee(engine)
    before = (workspace / "agent.py").read_bytes()
    start(referee)
    edit(workspace, "X = 1")
    referee.run_benchmark()
    harness = engine.started[-1].harnesses[""]
    assert harness is not None
    assert (harness / "agent.py").read_bytes() == before


# -- R3, R4 -------------------------------------------------------------------------------


@pytest.mark.rule("R3")
def test_a_trial_that_never_ran_stays_in_the_denominator(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine(TWO))
    start(referee)
    referee.run_benchmark()
    score = settle(referee).evaluated
    assert score is not None
    assert (score.score.passed, score.score.expected) == (2, 4)


@pytest.mark.rule("R4")
def test_a_subset_never_decides_and_leaves_no_row(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, ALL, ALL))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("better on t2")
    evaluation = referee.run_benchmark(tasks=["t2"])
    position = settle(referee)
    assert position.phase == "committed"
    assert referee.evaluation(evaluation).verdict is None
    with pytest.raises(OutOfOrder):
        referee.append_result()


# -- R5 -----------------------------------------------------------------------------------


@pytest.mark.rule("R5")
def test_more_passed_is_kept_and_moves_the_branch(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO))
    baseline = with_baseline(referee).incumbent
    assert propose(referee, workspace).status == "keep"
    incumbent = referee.position.incumbent
    assert incumbent is not None
    assert baseline is not None
    assert incumbent.candidate.parent == baseline.candidate.id
    head = workspace / ".git/refs/heads/autoagent/night"
    assert head.read_text().strip() == incumbent.candidate.id


@pytest.mark.rule("R5")
def test_as_many_and_not_simpler_is_discarded(open_referee: OpenReferee, workspace: Path) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    row = propose(referee, workspace)
    assert row.status == "discard"


@pytest.mark.rule("R5")
def test_as_many_and_simpler_is_kept(open_referee: OpenReferee, workspace: Path) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    harness = workspace / "agent.py"
    text = harness.read_text()
    start_, end = text.index("def create_tools"), text.index("async def run_task")
    harness.write_text(text[:start_] + text[end:])
    referee.commit_candidate("drop unused code")
    referee.run_benchmark()
    settle(referee)
    assert referee.append_result().status == "keep"


@pytest.mark.rule("R5")
def test_a_harness_that_crashes_everywhere_is_a_crash(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    with_baseline(referee)
    crashing = open_referee(ScriptedEngine({}, failed="crashed"))
    assert propose(crashing, workspace).status == "crash"


# -- R6 -----------------------------------------------------------------------------------


@pytest.mark.rule("R6")
def test_a_discard_restores_the_harness_and_its_notes_and_nothing_else(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    before = (workspace / "agent.py").read_bytes()
    (workspace / ".agent").mkdir()
    (workspace / ".agent/skill.md").write_text("a skill that does not help")
    (workspace / ".agent/notes/deep").mkdir(parents=True)
    (workspace / ".agent/notes/deep/learnt.md").write_text("the skill does not help")
    (workspace / "untracked.txt").write_text("mine")
    row = propose(referee, workspace)
    assert row.status == "discard"
    assert (workspace / ".agent/notes/deep/learnt.md").read_text() == "the skill does not help"
    assert (workspace / "agent.py").read_bytes() == before
    assert not (workspace / ".agent/skill.md").exists()
    assert (workspace / "untracked.txt").read_text() == "mine"


@pytest.mark.rule("R6")
def test_a_discarded_candidate_stays_reachable(open_referee: OpenReferee, workspace: Path) -> None:
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    edit(workspace, "TRACE = 'discarded'")
    candidate = referee.commit_candidate("worse").candidate
    assert candidate is not None
    referee.run_benchmark()
    settle(referee)
    referee.append_result()
    stored = Path(referee.status().state_directory) / "store.git/refs/candidates" / candidate.id
    assert stored.read_text().strip() == candidate.id


@pytest.mark.rule("R6")
def test_work_done_during_an_evaluation_is_saved_before_a_discard_restores_the_files(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("worse")
    referee.run_benchmark()
    settle(referee)
    edit(workspace, "NEXT_IDEA = 2")
    referee.append_result()
    (aside,) = Path(referee.status().state_directory).glob("aside/*/agent.py")
    assert "NEXT_IDEA = 2" in aside.read_text()


@pytest.mark.rule("R6")
@pytest.mark.parametrize("odd", ["directory", "huge", "unstorable", "link"])
def test_nothing_is_too_odd_to_be_moved_aside_by_a_discard(
    open_referee: OpenReferee, workspace: Path, odd: str
) -> None:
    notes = workspace / ".agent"
    referee = open_referee(ScriptedEngine(ONE, TWO, ONE))
    with_baseline(referee)
    notes.mkdir()
    (notes / "notes").write_text("kept")
    propose(referee, workspace)
    edit(workspace, "Y = 1")
    referee.commit_candidate("worse")
    referee.run_benchmark()
    settle(referee)
    shutil.rmtree(notes)
    if odd == "link":
        notes.symlink_to("/tmp")
    else:
        place = {"directory": "notes/deep", "huge": "notes", "unstorable": ".git/config"}[odd]
        (notes / place).parent.mkdir(parents=True)
        (notes / place).write_text("x" * (2**21 if odd == "huge" else 1))
    assert referee.append_result().status == "discard"
    assert (notes / "notes").read_text() == "kept"
    assert len(list(Path(referee.status().state_directory).glob("aside/*/.agent"))) == 1
    open_referee(ScriptedEngine(ONE))


@pytest.mark.rule("R6")
def test_killed_while_it_restores_the_notes_a_server_goes_on_and_the_memory_is_whole(
    open_referee: OpenReferee, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between taking the old `.agent/` away and putting the new one there."""
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    notes = workspace / ".agent"
    (notes / "notes").mkdir(parents=True)
    (notes / "notes/learnt.md").write_text("the skill does not help")
    (notes / "skill.md").write_text("a skill that does not help")
    move = Path.rename

    def killed(place: Path, target: Path) -> Path:
        if target == notes:
            raise KeyboardInterrupt
        return move(place, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "rename", killed)
        propose(referee, workspace)
    assert not notes.exists()

    open_referee(ScriptedEngine(ONE))

    assert (notes / "notes/learnt.md").read_text() == "the skill does not help"
    assert not (notes / "skill.md").exists()
    assert not (workspace / ".autoagent/restoring").exists()


@pytest.mark.rule("R6")
def test_what_somebody_planted_among_what_is_being_restored_is_not_the_candidates(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    (workspace / ".agent").mkdir()
    (workspace / ".agent/skill.md").write_text("a skill that does not help")
    for event in range(300):
        planted = workspace / f".autoagent/restoring/{event}/.agent"
        planted.mkdir(parents=True)
        (planted / "skill.md").write_text("planted")

    assert propose(referee, workspace).status == "discard"

    assert not (workspace / ".agent/skill.md").exists()


@pytest.mark.rule("R6")
def test_a_ledger_that_cannot_be_written_is_a_note_and_the_files_are_restored(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    before = (workspace / "agent.py").read_bytes()
    (workspace / "results.tsv").unlink()
    (workspace / "results.tsv").mkdir()
    assert propose(referee, workspace).status == "discard"
    assert (workspace / "agent.py").read_bytes() == before
    assert any("results.tsv" in note for note in referee.status().notes)


# -- R7 -----------------------------------------------------------------------------------


@pytest.mark.rule("R7")
def test_every_evaluated_candidate_has_a_row_in_the_seven_columns(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO, ONE))
    with_baseline(referee)
    propose(referee, workspace, "X = 1", "better")
    propose(referee, workspace, "Y = 1", "worse")
    text = (workspace / "results.tsv").read_text()
    rows = ledger.parse(text)
    assert [(r.status, r.passed) for r in rows] == [
        ("keep", "1/4"),
        ("keep", "2/4"),
        ("discard", ""),
    ]
    assert rows[2].description == "(pruned after 2/4) worse"
    columns = "commit avg_score passed task_scores cost_usd status description"
    assert text.splitlines()[0].split("\t") == columns.split()


@pytest.mark.rule("R7")
def test_finishing_the_climb_writes_the_row_that_was_still_missing(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("better, and nobody recorded it")
    referee.run_benchmark()
    settle(referee)
    referee.finish_climb()
    rows = ledger.parse((workspace / "results.tsv").read_text())
    assert rows[-1].description == "better, and nobody recorded it"
    assert rows[-1].status == "keep"


@pytest.mark.rule("R7")
def test_an_edited_ledger_is_written_anew(open_referee: OpenReferee, workspace: Path) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO))
    with_baseline(referee)
    (workspace / "results.tsv").write_text("commit\tavg_score\nfeedbee\t1.0\n")
    propose(referee, workspace)
    assert "feedbee" not in (workspace / "results.tsv").read_text()


# -- R8 -----------------------------------------------------------------------------------


@pytest.mark.rule("R8")
def test_the_same_content_is_not_measured_again(open_referee: OpenReferee, workspace: Path) -> None:
    engine = ScriptedEngine(TWO, ONE, ALL)
    referee = open_referee(engine)
    with_baseline(referee)
    propose(referee, workspace, "X = 1", "unlucky")
    started = len(engine.started)
    edit(workspace, "X = 1")
    commitment = referee.commit_candidate("the same again, hoping for luck")
    assert commitment.duplicate_of is not None
    evaluation = referee.run_benchmark()
    assert len(engine.started) == started
    assert referee.evaluation(evaluation).candidate[:7] == commitment.duplicate_of
    assert referee.append_result().status == "discard"


@pytest.mark.rule("R8")
def test_the_incumbents_score_is_not_the_candidates(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(TWO, ALL))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("better")
    referee.run_benchmark("incumbent")
    assert referee.position.phase == "committed"
    referee.run_benchmark()
    settle(referee)
    assert referee.append_result().passed == "4/4"


@pytest.mark.rule("R8")
def test_the_same_subset_of_the_same_content_is_not_measured_again(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    with_baseline(referee)
    first = referee.run_benchmark(tasks=["t2", "t1"])
    settle(referee)
    started = len(engine.started)
    assert referee.run_benchmark(tasks=["t1", "t2"]) == first
    assert referee.run_benchmark(tasks=["t1"]) != first
    assert len(engine.started) == started + 1


@pytest.mark.rule("R8")
def test_a_candidate_without_a_change_is_refused(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    with pytest.raises(CandidateRefused, match="no_change"):
        referee.commit_candidate("nothing")


# -- R9 -----------------------------------------------------------------------------------


@pytest.mark.rule("R9")
def test_a_void_trial_is_never_scored_as_zero_and_never_kept(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, {**THREE, "t4": [None]}))
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("better, but one trial was void")
    referee.run_benchmark()
    position = settle(referee)
    assert position.evaluated is not None
    assert position.pending is not None
    assert position.evaluated.score.void == 1
    assert position.evaluated.score.task_scores["t4"] is None
    assert (position.pending.status, position.pending.reason) == ("discard", "indecisive")


@pytest.mark.rule("R9")
def test_a_baseline_with_void_trials_is_measured_again(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine({**ONE, "t2": [None]}, ONE))
    start(referee)
    first = referee.run_benchmark()
    assert settle(referee).phase == "baseline_needed"
    second = referee.run_benchmark()
    assert first != second
    assert settle(referee).phase == "evaluated"


@pytest.mark.rule("R9")
def test_a_killed_worker_is_started_again_but_not_for_ever(open_referee: OpenReferee) -> None:
    engine = ScriptedEngine(ONE, hold=True)
    referee = open_referee(engine)
    start(referee)
    evaluation = referee.run_benchmark()
    engine.kill(evaluation)
    assert referee.advance().running is not None
    assert engine.alive(evaluation)
    engine.release()
    assert settle(referee).phase == "evaluated"


# -- R10 ----------------------------------------------------------------------------------


@pytest.mark.rule("R10")
@pytest.mark.parametrize(
    ("budget", "key"),
    [
        ("evaluations = 2", "budget.evaluations"),
        ("dollars = 2.5\ndollars_per_trial = 0.1", "budget.dollars"),
    ],
)
def test_an_evaluation_that_could_pass_a_cap_does_not_start(
    make_workspace: Callable[..., Path], budget: str, key: str
) -> None:
    root = make_workspace(
        config=f"[budget]\n{budget}\n[certify]\npasses = 0\n[gate]\npruning = false\n"
    )
    engine = ScriptedEngine(ALL)
    referee = Referee.open(root, engine)
    with_baseline(referee)
    propose(referee, root, "X = 1")
    if "dollars" in budget:  # 0.8 for the baseline's two passes, and 1.2 reserved for each of these
        propose(referee, root, "Z = 1")
    edit(root, "Y = 1")
    referee.commit_candidate("one too many")
    with pytest.raises(BudgetExceeded, match=key) as refused:
        referee.run_benchmark()
    assert refused.value.next_call == "finish_climb()"
    assert referee.position.running is None
    referee.close()


@pytest.mark.rule("R10")
def test_a_stop_file_cancels_what_runs_and_starts_nothing_more(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    with_baseline(referee)
    engine.hold = True
    edit(workspace, "X = 1")
    referee.commit_candidate("interrupted")
    referee.run_benchmark()
    (workspace / "STOP").touch()
    position = settle(referee)
    assert position.pending is not None
    assert position.pending.reason == "cancelled"
    referee.append_result()
    edit(workspace, "Y = 1")
    referee.commit_candidate("after the stop")
    with pytest.raises(BudgetExceeded, match="STOP"):
        referee.run_benchmark()


# -- R11 ----------------------------------------------------------------------------------


@pytest.mark.rule("R11")
def test_status_always_says_where_the_climb_stands_and_which_call_is_next(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO))
    said = [referee.status()]
    start(referee)
    said.append(referee.status())
    referee.run_benchmark()
    settle(referee)
    said.append(referee.status())
    referee.append_result()
    said.append(referee.status())
    assert [(s.phase, s.next_calls[0]) for s in said] == [
        ("new", "start_climb(tag)"),
        ("baseline_needed", "run_benchmark()"),
        ("evaluated", "append_result(description)"),
        ("idle", "commit_candidate(description)"),
    ]
    assert len({s.head for s in said}) == len(said)


# -- whatever happens ---------------------------------------------------------------------


def test_a_server_that_dies_anywhere_leaves_a_climb_the_next_one_goes_on_with(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE, TWO, ALL)
    referee = open_referee(engine)
    start(referee)
    referee = open_referee(engine)
    referee.run_benchmark()
    referee = open_referee(engine)
    settle(referee)
    referee = open_referee(engine)
    referee.append_result()
    (workspace / "results.tsv").unlink()
    referee = open_referee(engine)
    assert (workspace / "results.tsv").exists()
    assert propose(referee, workspace).status == "keep"


def test_a_cancelled_full_suite_counts_and_is_discarded(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE, ALL)
    referee = open_referee(engine)
    with_baseline(referee)
    engine.hold = True
    edit(workspace, "X = 1")
    referee.commit_candidate("cancelled when it looked bad")
    referee.run_benchmark()
    referee.cancel_benchmark()
    settle(referee)
    assert referee.append_result().status == "discard"


def test_the_baseline_cannot_be_cancelled(open_referee: OpenReferee) -> None:
    engine = ScriptedEngine(ONE, hold=True)
    referee = open_referee(engine)
    start(referee)
    referee.run_benchmark()
    with pytest.raises(OutOfOrder, match="cannot be cancelled"):
        referee.cancel_benchmark()


def test_a_harness_that_lost_its_syntax_is_mended_through_the_server(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    edit(workspace, "X = (")
    with pytest.raises(CandidateRefused):
        referee.commit_candidate("broken")
    referee.edit_file("agent.py", "X = (", "X = ()")
    assert referee.commit_candidate("mended").candidate is not None


def test_a_worker_that_never_starts_makes_the_evaluation_indecisive(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    with_baseline(referee)
    edit(workspace, "X = 1")
    referee.commit_candidate("on a broken machine")
    engine.broken = True
    with pytest.raises(InfrastructureFault):
        referee.run_benchmark()
    position = settle(referee)
    assert position.pending is not None
    assert position.pending.reason == "indecisive"


@pytest.mark.rule("R9")
def test_a_worker_that_dies_at_once_is_not_started_for_ever(open_referee: OpenReferee) -> None:
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    start(referee)
    engine.stillborn = True
    referee.run_benchmark()
    for _ in range(20):
        referee.advance()
    assert referee.position.phase == "baseline_needed"
    assert len(engine.started) == 2 + MAX_WORKER_STARTS


@pytest.mark.rule("R10")
def test_a_cancel_that_the_worker_never_heard_still_counts(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    with_baseline(referee)
    engine.stillborn = True
    edit(workspace, "X = 1")
    referee.commit_candidate("cancelled at once")
    referee.run_benchmark()
    referee.cancel_benchmark()
    position = settle(referee)
    assert position.pending is not None
    assert position.pending.reason == "cancelled"


def test_a_forged_row_does_not_verify(open_referee: OpenReferee, workspace: Path) -> None:
    """Whoever can write the journal can chain it anew, but not make the row follow."""
    referee = open_referee(ScriptedEngine(ONE))
    start(referee)
    referee.run_benchmark()
    position = settle(referee)
    assert position.evaluated is not None
    assert position.pending is not None
    row = row_of(position.evaluated, position.pending, "x").model_copy(update={"passed": "4/4"})
    referee._climb.append(ResultRecorded(climb="night", row=row), "x")
    found = audit(referee._climb.journal, None)
    assert any("does not follow from its evaluation" in problem for problem in found.problems)


def test_an_existing_tag_is_refused(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    start(referee)
    referee.finish_climb()
    with pytest.raises(Exception, match="exists already"):
        referee.start_climb("night")


def test_an_unknown_task_is_refused_with_the_known_ones(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    with pytest.raises(UnknownName, match="t1, t2, t3, t4"):
        referee.run_benchmark(tasks=["t9"])


def test_a_change_outside_the_harness_is_refused(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE))
    with_baseline(referee)
    edit(workspace, "X = 1")
    (workspace / "program.md").write_text("make it easy")
    with pytest.raises(CandidateRefused, match="program.md: changed"):
        referee.commit_candidate("with a changed directive")


def test_a_night_verifies_and_a_flipped_verdict_does_not(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO, ONE))
    with_baseline(referee)
    propose(referee, workspace, "X = 1")
    propose(referee, workspace, "Y = 1")
    journal = Journal(Path(referee.status().state_directory) / "journal.sqlite3")
    found = audit(journal, (workspace / "results.tsv").read_text())
    assert found.problems == ()
    assert found.decisions == 3
    body = json.loads(journal.of_kind(EvaluationFinished)[-1].text)
    body["verdict"]["status"] = "keep"
    journal._db.execute("DROP TRIGGER events_are_final")
    journal._db.execute(
        "UPDATE events SET body = ? WHERE kind = 'evaluation_finished'", (json.dumps(body),)
    )
    with pytest.raises(Exception, match="does not match its hash"):
        audit(journal, None)
