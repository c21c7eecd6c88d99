"""Passes beyond the first: A/A, pruning, and gates that measure both sides afresh."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from autoagent.commands.after.verify import audit
from autoagent.evidence import ledger
from autoagent.evidence.events import EvaluationFinished, EvaluationStarted, TrialFinished
from autoagent.evidence.journal import Journal
from autoagent.gate.contests import contest_for
from autoagent.records import Row
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import Script, ScriptedEngine

from .playing import ALL, ONE, THREE, TWO, edit, propose, settle, with_baseline

OpenReferee = Callable[[Engine | None], Referee]
MakeWorkspace = Callable[..., Path]


def trials_run(referee: Referee, evaluation: str) -> list[str]:
    """The trials of an evaluation that ended, in their order."""
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        entries = journal.about(evaluation, TrialFinished)
        return [entry.event.trial.id.partition(".")[2] for entry in entries]


def replay_problems(referee: Referee) -> tuple[str, ...]:
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        return audit(journal, referee.workspace.ledger.read_text()).problems


# -- A/A ------------------------------------------------------------------------------------


@pytest.mark.rule("R2")
def test_the_baseline_runs_twice_and_is_scored_by_its_first_pass(open_referee: OpenReferee) -> None:
    engine = ScriptedEngine({"t1": [1.0, 1.0], "t2": [1.0, 0.0], "t3": [0.0, 1.0]})
    referee = open_referee(engine)
    position = with_baseline(referee)
    assert len(trials_run(referee, "e3")) == 8
    assert position.incumbent is not None
    assert (position.incumbent.score.passed, position.incumbent.score.expected) == (2, 4)
    assert position.noise is not None
    assert (position.noise.pairs, position.noise.differing) == (4, 2)


@pytest.mark.rule("R2")
def test_status_says_how_much_of_a_difference_is_luck(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine({"t1": [1.0, 0.0], "t2": [0.0, 1.0]}))
    with_baseline(referee)
    (said, *_) = [note for note in referee.status().notes if "noise" in note or "luck" in note]
    assert "2 of 4 trials" in said
    assert "points" in said


@pytest.mark.rule("R2", "R9")
def test_a_void_trial_of_the_second_pass_drops_its_pair_and_the_baseline_stands(
    open_referee: OpenReferee,
) -> None:
    referee = open_referee(ScriptedEngine({"t1": [1.0, None], "t2": [1.0, 1.0]}))
    position = with_baseline(referee)
    assert position.noise is not None
    assert position.noise.pairs == 3
    assert position.baseline_passed == 2


# -- pruning --------------------------------------------------------------------------------


@pytest.mark.rule("R5")
def test_what_cannot_be_kept_any_more_is_stopped_and_its_row_says_so(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(THREE, ONE))
    with_baseline(referee)
    row = propose(referee, workspace)
    assert (row.status, row.passed, row.avg_score) == ("discard", "", None)
    assert row.description == "(pruned after 1/4) idea"
    assert row.task_scores == {"t4": 0.0, "t1": None, "t2": None, "t3": None}
    line = (workspace / "results.tsv").read_text().splitlines()[-1]
    assert line.split("\t")[3] == "t1=;t2=;t3=;t4=0"
    assert trials_run(referee, "e4") == ["t4.1"]
    assert replay_problems(referee) == ()


@pytest.mark.rule("R5")
@pytest.mark.parametrize("pruning", [True, False])
def test_pruning_changes_what_is_run_and_never_what_is_kept(
    make_workspace: MakeWorkspace, pruning: bool
) -> None:
    root = make_workspace(config=f"[gate]\npruning = {str(pruning).lower()}\n")
    nights: list[Script] = [ONE, TWO, ONE, {"t3": [1.0], "t4": [1.0]}, ALL, THREE]
    referee = Referee.open(root, ScriptedEngine(*nights))
    with_baseline(referee)
    rows: list[Row] = [propose(referee, root, f"X{n} = 1", f"idea {n}") for n in range(5)]
    problems, used = replay_problems(referee), len(trials_run(referee, "e5"))
    referee.close()
    assert [row.status for row in rows] == ["keep", "discard", "discard", "keep", "discard"]
    assert problems == ()
    assert used == 4 if not pruning else used < 4


@pytest.mark.rule("R5")
def test_a_simpler_candidate_is_stopped_only_when_a_tie_is_out_of_reach(
    make_workspace: MakeWorkspace, harness_source: str
) -> None:
    padding = "".join(f"PAD_{n} = {n}\n" for n in range(20))
    source = harness_source.replace("MAX_TURNS = 3\n", f"MAX_TURNS = 3\n{padding}")
    root = make_workspace(harness=source)
    referee = Referee.open(root, ScriptedEngine(TWO))
    with_baseline(referee)
    (root / "agent.py").write_text(harness_source)
    referee.commit_candidate("less")
    referee.run_benchmark()
    settle(referee)
    row = referee.append_result()
    referee.close()
    assert (row.status, row.passed) == ("keep", "2/4")


# -- confirm and anytime ----------------------------------------------------------------------

LUCKY: Script = {
    "t1": [1.0],
    "t2": [1.0, 0.0],
    "t3": [1.0, 0.0],
    "incumbent:t1": [1.0],
    "incumbent:t2": [1.0],
}
"""Three in its first pass; from the second on one, beside an incumbent that passes two."""


def night(make_workspace: MakeWorkspace, gate: str, *scripts: Script) -> tuple[Referee, Path]:
    root = make_workspace(config=f"[gate]\n{gate}\n")
    referee = Referee.open(root, ScriptedEngine(*scripts))
    with_baseline(referee)
    return referee, root


@pytest.mark.rule("R5")
def test_strict_keeps_a_lucky_candidate(make_workspace: MakeWorkspace) -> None:
    referee, root = night(make_workspace, 'rule = "strict"', TWO, LUCKY)
    row = propose(referee, root)
    referee.close()
    assert (row.status, row.passed) == ("keep", "3/4")


@pytest.mark.rule("R5")
def test_confirm_does_not_keep_a_lucky_candidate(
    make_workspace: MakeWorkspace,
) -> None:
    referee, root = night(make_workspace, 'rule = "confirm"', TWO, LUCKY)
    edit(root, "X = 1")
    referee.commit_candidate("lucky")
    evaluation = referee.run_benchmark()
    settle(referee)
    verdict = referee.position.pending
    row = referee.append_result()
    ran = trials_run(referee, evaluation)
    problems = replay_problems(referee)
    referee.close()
    assert verdict is not None
    assert (row.status, verdict.reason) == ("discard", "not_confirmed")
    assert "passed 3/4, was 2/4; pass 2: " in verdict.sentence
    assert ran[:4] == [f"{task}.1" for task in ("t3", "t4", "t1", "t2")]
    assert ran[4:6] == ["t3.2", "t3.2.incumbent"]
    assert problems == ()


@pytest.mark.rule("R5")
@pytest.mark.parametrize("passes", [2, 3])
def test_confirm_keeps_what_wins_every_pass_and_scores_it_by_the_last(
    make_workspace: MakeWorkspace, passes: int
) -> None:
    better: Script = {
        "t1": [1.0],
        "t2": [1.0],
        "t3": [1.0],
        "t4": [1.0, 0.0],
        "incumbent:t1": [1.0],
    }
    gate = f'rule = "confirm"\npasses = {passes}'
    referee, root = night(make_workspace, gate, TWO, better)
    row = propose(referee, root)
    ran, problems = trials_run(referee, "e4"), replay_problems(referee)
    assert referee.position.incumbent is not None
    kept = referee.position.incumbent.score.passed
    referee.close()
    assert (row.status, row.passed, kept) == ("keep", "3/4", 3)
    assert len(ran) == 4 + 8 * (passes - 1)
    assert problems == ()


@pytest.mark.rule("R5")
def test_anytime_goes_on_until_the_evidence_suffices(make_workspace: MakeWorkspace) -> None:
    """W decides only at the end of a pass of both sides."""
    referee, root = night(make_workspace, 'rule = "anytime"\nalpha = 0.2', ONE, ALL)
    row = propose(referee, root)
    (event,) = (e for e in referee_events(referee) if e.evaluation == "e4")
    ran, problems = trials_run(referee, "e4"), replay_problems(referee)
    referee.close()
    assert row.status == "keep"
    assert event.verdict is not None
    assert "evidence" in event.verdict.sentence
    assert len(ran) % 8 == 4
    assert problems == ()


def referee_events(referee: Referee) -> list[EvaluationFinished]:
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        return [entry.event for entry in journal.of_kind(EvaluationFinished)]


@pytest.mark.rule("R8")
def test_fresh_passes_against_an_older_incumbent_keep_nothing_later(
    make_workspace: MakeWorkspace,
) -> None:
    """Evidence against one incumbent is none against the next, and content is measured once."""
    referee, root = night(
        make_workspace, 'rule = "confirm"', TWO, LUCKY, {**ALL, "incumbent:t1": [1.0]}
    )
    assert propose(referee, root, "X = 1").status == "discard"
    assert propose(referee, root, "Y = 1").status == "keep"
    source = (root / "agent.py").read_text()
    (root / "agent.py").write_text(source.replace("Y = 1\n", "X = 1\n"))
    started = len(referee_events(referee))
    referee.commit_candidate("the lucky one again")
    referee.run_benchmark()
    settle(referee)
    verdict = referee.position.pending
    referee.append_result()
    problems = replay_problems(referee)
    ended = len(referee_events(referee))
    referee.close()
    assert verdict is not None
    assert (verdict.status, verdict.reason) == ("discard", "measured_before")
    assert ended == started
    assert problems == ()


@pytest.mark.rule("R9")
def test_a_trial_that_stays_void_keeps_a_contest_from_deciding(
    make_workspace: MakeWorkspace,
) -> None:
    void: Script = {**ALL, "t2": [1.0, None], "incumbent:t1": [1.0]}
    referee, root = night(make_workspace, 'rule = "confirm"', TWO, void)
    row = propose(referee, root)
    problems = replay_problems(referee)
    referee.close()
    assert row.status == "discard"
    assert problems == ()


def test_the_ledger_reads_back_what_was_pruned(open_referee: OpenReferee, workspace: Path) -> None:
    referee = open_referee(ScriptedEngine(THREE, ONE))
    with_baseline(referee)
    row = propose(referee, workspace)
    assert ledger.parse((workspace / "results.tsv").read_text())[-1] == row


# -- posterior --------------------------------------------------------------------------------


@pytest.mark.rule("R5")
def test_posterior_keeps_what_is_expected_to_gain_and_a_replay_agrees(
    make_workspace: MakeWorkspace,
) -> None:
    """Two more pass, again and again; then two fewer, which is stopped."""
    better: Script = {**ALL, "incumbent:t1": [1.0], "incumbent:t2": [1.0]}
    fewer: Script = {"t1": [1.0], **{f"incumbent:{task}": [1.0] for task in ALL}}
    gate = 'rule = "posterior"'
    referee, root = night(make_workspace, gate, TWO, better, fewer)
    rows = [propose(referee, root, f"X{n} = 1", f"idea {n}") for n in range(2)]
    verdicts = [e.verdict for e in referee_events(referee) if e.evaluation > "e3"]
    ran = [trials_run(referee, f"e{n}") for n in (4, 5)]
    standing, problems = referee.position.incumbent, replay_problems(referee)
    referee.close()
    assert problems == ()
    assert [row.status for row in rows] == ["keep", "discard"]
    assert [verdict and verdict.reason for verdict in verdicts] == [
        "expected_gain",
        "pruned",
    ]
    assert verdicts[0] is not None
    assert "it fixed 2 tasks that never passed: expected +" in verdicts[0].sentence
    assert standing is not None
    assert (standing.score.passed, rows[0].passed) == (4, "4/4")
    assert len(ran[1]) < 4 <= len(ran[0])


@pytest.mark.rule("R5")
def test_a_posterior_that_leaves_a_trial_out_is_found_by_a_replay(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool is part of the contest: who holds a candidate against another one is found out."""
    referee, root = night(make_workspace, 'rule = "posterior"', TWO, {**ALL, "incumbent:t1": [1.0]})
    monkeypatch.setattr("autoagent.gate.rules.pool.USUAL_TASKS", 50.0)
    propose(referee, root)
    monkeypatch.undo()
    problems = replay_problems(referee)
    referee.close()
    assert any("e4 is not held against the incumbent" in problem for problem in problems)


@pytest.mark.rule("R5")
def test_a_climb_from_before_trials_had_a_price_goes_on_without_and_replays(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its first contest had, every later one has, whichever version measures it."""
    old = partial(contest_for, priced=False)
    monkeypatch.setattr("autoagent.referee.measuring.contest_for", old)
    better: Script = {**ALL, "incumbent:t1": [1.0], "incumbent:t2": [1.0]}
    fewer: Script = {"t1": [1.0], **{f"incumbent:{task}": [1.0] for task in ALL}}
    referee, root = night(make_workspace, 'rule = "posterior"', TWO, better, fewer)
    propose(referee, root, "X0 = 1", "idea 0")
    monkeypatch.undo()
    propose(referee, root, "X1 = 1", "idea 1")
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        started = [entry.event.running for entry in journal.of_kind(EvaluationStarted)]
    priors = [running.contest.prior for running in started if running.contest]
    problems = replay_problems(referee)
    referee.close()
    assert problems == ()
    assert [prior and prior.price for prior in priors] == [None, None]


@pytest.mark.rule("R5")
def test_a_bounded_posterior_takes_fresh_pairs_before_it_keeps(
    make_workspace: MakeWorkspace,
) -> None:
    """And says how much evidence there was."""
    better: Script = {**ALL, "incumbent:t1": [1.0], "incumbent:t2": [1.0]}
    referee, root = night(make_workspace, 'rule = "posterior"\nbounded = true', TWO, better)
    row = propose(referee, root)
    (event,) = (e for e in referee_events(referee) if e.evaluation == "e4")
    ran, problems = trials_run(referee, "e4"), replay_problems(referee)
    referee.close()
    assert event.verdict is not None
    assert "evidence" in event.verdict.sentence
    assert {name.partition(".incumbent")[1] for name in ran} == {"", ".incumbent"}
    assert problems == ()
    assert row.status in ("keep", "discard")
