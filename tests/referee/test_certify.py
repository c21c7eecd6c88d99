"""The end of a climb: what it is worth is measured afresh, and once."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autoagent.commands.after.verify import audit
from autoagent.errors import BudgetExceeded, OutOfOrder
from autoagent.evidence.events import EvaluationResumed, EvaluationStarted, TrialFinished
from autoagent.evidence.journal import Journal
from autoagent.referee.ending.worth import worth
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import Script, ScriptedEngine

from .clocks import Machine
from .playing import ALL, ONE, THREE, TWO, edit, propose, settle, with_baseline

OpenReferee = Callable[[Engine | None], Referee]
MakeWorkspace = Callable[..., Path]

FRESH: Script = {**TWO, "t3": [1.0, 0.0], "baseline:t1": [1.0], "baseline:t2": [0.0, 1.0, 0.0]}
"""The champion passes t1 and t2, and t3 in one pass of three; the baseline t1, and t2 in one."""


def climbed(referee: Referee, workspace: Path) -> None:
    with_baseline(referee)
    assert propose(referee, workspace).status == "keep"


def measurements(referee: Referee) -> list[tuple[str, bool]]:
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        runs = [entry.event.running for entry in journal.of_kind(EvaluationStarted)]
    return [(run.kind, run.hidden) for run in runs if run.kind == "certify"]


@pytest.mark.rule("R12")
def test_a_finished_climb_is_worth_what_fresh_passes_of_both_sides_show(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE, ALL, FRESH)
    referee = open_referee(engine)
    climbed(referee, workspace)
    assert referee.finish_climb().phase == "certifying"
    settle(referee)
    found = referee.position.certificate
    assert referee.position.phase == "finished"
    assert found is not None
    assert [side.name for side in engine.started[-1].running.against] == ["baseline"]
    assert (found.effect.tasks, found.effect.pairs, found.passes) == (4, 12, 3)
    assert found.effect.before == pytest.approx((1 + 1 / 3) / 4)
    assert found.effect.after == pytest.approx((1 + 1 + 1 / 3) / 4)
    assert found.effect.low < found.effect.difference < found.effect.high
    assert found.optimistic == pytest.approx(3 / 4)
    assert "(optimistic)" in worth(referee.status())
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        assert audit(journal, None).problems == ()


@pytest.mark.rule("R12")
def test_sides_take_turns_so_that_both_meet_the_same_conditions(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, ALL, FRESH))
    climbed(referee, workspace)
    referee.finish_climb()
    settle(referee)
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        ended = [e.event.trial for e in journal.about("e5", TrialFinished)]
    assert [(t.attempt, t.task, t.side) for t in ended[:4]] == [
        (1, "t1", ""),
        (1, "t1", "baseline"),
        (1, "t2", ""),
        (1, "t2", "baseline"),
    ]
    assert [t.attempt for t in ended] == [1] * 8 + [2] * 8 + [3] * 8


@pytest.mark.rule("R12")
def test_nobody_certifies_twice(open_referee: OpenReferee, workspace: Path) -> None:
    referee = open_referee(ScriptedEngine(ONE, ALL, FRESH))
    climbed(referee, workspace)
    referee.finish_climb()
    settle(referee)
    certificate = referee.position.certificate
    assert referee.finish_climb().phase == "finished"  # who never heard the answer asks again
    assert referee.position.certificate == certificate
    with pytest.raises(OutOfOrder, match="certified already"):
        referee.certify()
    assert measurements(referee) == [("certify", False)]


@pytest.mark.rule("R12", "R10")
def test_a_certification_that_was_cut_short_goes_on_where_it_stopped(
    open_referee: OpenReferee, workspace: Path
) -> None:
    engine = ScriptedEngine(ONE, ALL, FRESH)
    referee = open_referee(engine)
    climbed(referee, workspace)
    engine.hold = True
    referee.finish_climb()
    (workspace / "STOP").touch()
    position = settle(referee)
    assert (position.phase, position.certificate) == ("finished", None)
    assert "STOP" in position.uncertified
    (workspace / "STOP").unlink()
    engine.hold = False
    referee.certify()
    settle(referee)
    assert referee.position.certificate is not None
    assert measurements(referee) == [("certify", False)]
    with closing(Journal(referee.workspace.journal, read_only=True)) as journal:
        assert len(journal.about("e5", EvaluationResumed)) == 1
        assert audit(journal, None).problems == ()


@pytest.mark.rule("R12")
@pytest.mark.parametrize("when", ["before it starts", "while it runs"])
def test_a_certification_outlives_its_server(
    open_referee: OpenReferee, workspace: Path, when: str
) -> None:
    engine = ScriptedEngine(ONE, ALL, FRESH)
    referee = open_referee(engine)
    climbed(referee, workspace)
    if when == "while it runs":
        engine.hold = True
        referee.finish_climb()
        engine.kill("e5")
        engine.hold = False
    else:
        engine.stillborn = True
        referee.finish_climb()
        engine.stillborn = False
    referee = open_referee(engine)
    referee.finish_climb()
    settle(referee)
    assert referee.position.certificate is not None
    assert measurements(referee) == [("certify", False)]


@pytest.mark.rule("R12")
def test_a_void_trial_drops_its_pair_and_is_told(
    open_referee: OpenReferee, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, ALL, {**FRESH, "t4": [0.0, None, 1.0]}))
    climbed(referee, workspace)
    referee.finish_climb()
    settle(referee)
    found = referee.position.certificate
    assert found is not None
    assert (found.effect.pairs, found.void) == (11, 1)
    assert "1 pairs were void" in worth(referee.status())


@pytest.mark.rule("R12")
@pytest.mark.parametrize(
    ("scripts", "config", "why"),
    [
        ((TWO, ONE), "", "the champion is the baseline"),
        ((ONE, ALL), "[certify]\npasses = 0\n", "certify.passes = 0"),
    ],
)
def test_where_there_is_nothing_to_certify_the_climb_ends_and_says_why(
    make_workspace: MakeWorkspace, scripts: tuple[Script, ...], config: str, why: str
) -> None:
    root = make_workspace(config=config)
    referee = Referee.open(root, ScriptedEngine(*scripts))
    with_baseline(referee)
    propose(referee, root)
    status = referee.finish_climb()
    with pytest.raises(OutOfOrder, match="nothing to certify"):
        referee.certify()
    referee.close()
    assert status.phase == "finished"
    assert why in worth(status)


@pytest.mark.rule("R10", "R12")
def test_a_night_cannot_use_up_what_its_certification_needs(
    make_workspace: MakeWorkspace,
) -> None:
    """4 tasks: 2.4 is reserved for the baseline, 7.2 for the certification; a cent more is left."""
    budget = "[budget]\ndollars = 9.61\ndollars_per_trial = 0.1\n[gate]\npruning = false\n"
    root = make_workspace(config=budget)
    referee = Referee.open(root, ScriptedEngine(ONE, TWO, ONE, ONE, ONE, FRESH))
    climbed(referee, root)
    refused = False
    for number in range(5):
        edit(root, f"Y{number} = 1")
        referee.commit_candidate("idea")
        try:
            referee.run_benchmark()
        except BudgetExceeded as error:
            assert "the certification $7.20" in str(error)
            refused = True
            break
        settle(referee)
        referee.append_result()
    referee.finish_climb()
    settle(referee)
    found, spent = referee.position.certificate, referee.position.spent
    referee.close()
    assert refused
    assert found is not None
    assert spent.dollars <= 9.61


@pytest.mark.rule("R10", "R12")
def test_the_human_may_certify_what_the_budget_did_not_allow(
    make_workspace: MakeWorkspace, machine: Machine
) -> None:
    root = make_workspace(config="[budget]\nhours = 1\n")
    referee = Referee.open(root, ScriptedEngine(ONE, ALL, FRESH))
    climbed(referee, root)
    machine.works(1.001)
    referee.finish_climb()
    position = settle(referee)
    assert position.certificate is None
    assert "budget.hours" in position.uncertified
    referee.certify()
    settle(referee)
    found = referee.position.certificate
    referee.close()
    assert found is not None


def replaced(referee: Referee, root: Path, *edits: tuple[str, str]) -> list[str]:
    """Make each edit, measure it and write its row; the rows' commits."""
    harness, commits = root / "agent.py", list[str]()
    for old, new in edits:
        harness.write_text(harness.read_text().replace(old, new))
        referee.commit_candidate(new)
        referee.run_benchmark()
        settle(referee)
        commits.append(referee.append_result().commit)
    return commits


@pytest.mark.rule("R12")
def test_an_edit_that_no_ablation_can_take_back_is_told_with_the_reason(
    make_workspace: MakeWorkspace,
) -> None:
    root = make_workspace(config="[certify]\nablation = true\npasses = 1\n")
    referee = Referee.open(root, ScriptedEngine(ONE, TWO, THREE, ALL))
    with_baseline(referee)
    kept = replaced(referee, root, ("briefly", "shortly"), ("shortly", "in a word"))
    referee.finish_climb()
    settle(referee)
    notes, found = referee.status().notes, referee.position.certificate
    problems = audit(referee._climb.journal, None).problems
    referee.close()
    assert found is not None
    assert problems == ()
    told = f"no ablation tells what the kept edit {kept[0]} adds: a later edit builds on it"
    assert [note for note in notes if note.startswith(told)]
    assert [*found.left_out] == [kept[1]]


@pytest.mark.rule("R12")
def test_an_ablation_measures_the_champion_without_each_kept_edit(
    make_workspace: MakeWorkspace,
) -> None:
    root = make_workspace(config="[certify]\nablation = true\npasses = 2\n")
    engine = ScriptedEngine(ONE, TWO, THREE, ALL)
    referee = Referee.open(root, engine)
    with_baseline(referee)
    kept = replaced(referee, root, ("briefly", "shortly"), ("MAX_TURNS = 3", "MAX_TURNS = 4"))
    referee.finish_climb()
    settle(referee)
    found, spec = referee.position.certificate, engine.started[-1]
    problems = audit(referee._climb.journal, None).problems
    content = referee._climb.projection.content
    texts = {s.name: content(s.candidate)["agent.py"].decode() for s in spec.running.against}
    referee.close()
    assert found is not None
    assert set(found.left_out) == set(kept)
    assert problems == ()
    (first, second) = (texts[f"without-{commit}"] for commit in kept)
    assert ("briefly" in first, "MAX_TURNS = 4" in first) == (True, True)
    assert ("shortly" in second, "MAX_TURNS = 3" in second) == (True, True)


@pytest.mark.rule("R10")
def test_a_night_of_cheap_trials_goes_on_where_its_caps_alone_would_end_it(
    make_workspace: MakeWorkspace, harness_source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At first each trial reserves three tries at its cap; once they are known to be cheap, less.

    The same budget as two tests before, where a second candidate found no room.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    budget = "[budget]\ndollars = 9.61\ndollars_per_trial = 0.1\n[gate]\npruning = false\n"
    limited = 'MODEL = "gpt-5"\nASKED = {"max_output_tokens": 2048}'
    root = make_workspace(
        harness=harness_source.replace('MODEL = "rules"', limited),
        config=f"{budget}[gateway]\npreflight = false\n",
    )
    engine = ScriptedEngine(ONE, TWO, ONE, ONE, ONE, ONE, ONE, FRESH, cost_usd=0.01)
    referee = Referee.open(root, engine)
    climbed(referee, root)
    for number in range(5):
        propose(referee, root, f"Y{number} = 1", f"idea {number}")
    measured = [spec.running for spec in engine.started if spec.running.kind == "full"]
    assert measured[0].reserved_dollars == pytest.approx(4 * 3 * 0.1)
    assert measured[-1].reserved_dollars == pytest.approx(4 * 2 * 0.01)
    engine.cost_usd = None  # nobody metered it: what was reserved is charged, as ever
    with pytest.raises(BudgetExceeded, match="0.3000 each"):
        for number in range(5):
            propose(referee, root, f"Z{number} = 1", f"not metered {number}")
    referee.close()


@pytest.mark.rule("R10")
def test_a_candidate_whose_calls_cannot_be_paid_is_told_so_before_it_is_measured(
    make_workspace: MakeWorkspace, harness_source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would crash in every trial; the limit to set is named."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    limited = 'MODEL = "gpt-5"\nASKED = {"max_output_tokens": 2048}'
    root = make_workspace(
        harness=harness_source.replace('MODEL = "rules"', limited),
        config="[budget]\ndollars_per_trial = 0.05\n[gateway]\npreflight = false\n",
    )
    referee = Referee.open(root, ScriptedEngine(ONE, cost_usd=0.01))
    with_baseline(referee)
    harness = root / "agent.py"
    harness.write_text(harness.read_text().replace("2048", "9000"))
    told = referee.commit_candidate("longer answers", dry_run=True).warnings
    referee.close()
    assert any("allows 9,000 tokens" in said and "2,500 tokens or less" in said for said in told)
