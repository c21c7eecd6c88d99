"""What an evaluation runs next."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.agenda import Agenda, Slot
from autoagent.gate.contests import most_trials
from autoagent.records import Contest, GateRule, Outcome, Running, Side, Trial

TASKS = ("a", "b")
OUTCOMES: st.SearchStrategy[Outcome] = st.sampled_from(["passed", "failed", "void"])


def running(
    rule: GateRule | None = "confirm", *, attempts: int = 1, stored: int = 0, **changes: object
) -> Running:
    contest = rule and Contest(
        rule=rule, passes=2, alpha=0.2, pruning=True, stored=stored, simpler=False
    )
    alone = rule == "strict"
    fields = {
        "kind": "full" if rule else "certify",
        "against": () if alone else (Side(name="i", candidate="i", digest="i"),),
        "contest": contest,
        **changes,
    }
    return Running.model_validate(
        {"id": "e", "candidate": "c", "digest": "d", "tasks": TASKS, "attempts": attempts, **fields}
    )


def end(agenda: Agenda, slot: Slot, outcome: Outcome = "passed") -> None:
    reward = None if outcome == "void" else float(outcome == "passed")
    agenda.note(
        Trial(
            id="x",
            task=slot.task,
            attempt=slot.attempt,
            side=slot.side,
            outcome=outcome,
            reward=reward,
        )
    )


def test_the_first_pass_of_a_contest_is_the_candidates_alone_task_by_task() -> None:
    """A hard task's attempts come together, so that a stop comes early."""
    assert Agenda(running(attempts=2)).due() == [
        Slot("", "a", 1),
        Slot("", "a", 2),
        Slot("", "b", 1),
        Slot("", "b", 2),
    ]


def test_a_fresh_pass_has_both_sides_beside_each_other_once_the_first_is_won() -> None:
    """The same conditions for both: no side runs first or last as a whole."""
    agenda = Agenda(running())
    for slot in agenda.due():
        end(agenda, slot)

    assert agenda.due() == [
        Slot("", "a", 2),
        Slot("i", "a", 2),
        Slot("", "b", 2),
        Slot("i", "b", 2),
    ]
    assert not agenda.pruned


@pytest.mark.parametrize("rule", ["strict", "confirm", "anytime"])
def test_a_candidate_that_did_not_win_the_first_pass_gets_no_other(rule: GateRule) -> None:
    """Nothing is spent on what is lost."""
    agenda = Agenda(running(rule, stored=1))
    end(agenda, Slot("", "a", 1))
    end(agenda, Slot("", "b", 1), "failed")

    assert agenda.due() == []
    assert agenda.answer() == "lost"
    assert not agenda.pruned


def test_nothing_runs_against_an_incumbent_that_passed_everything() -> None:
    """Only a simpler candidate could be kept, and this one is not."""
    agenda = Agenda(running("strict", stored=2))

    assert agenda.pruned
    assert agenda.due() == []


@pytest.mark.rule("R5")
def test_a_pass_that_can_no_longer_be_won_is_pruned() -> None:
    """One failure, where both trials have to pass (rule R5)."""
    agenda = Agenda(running("strict", stored=1))
    end(agenda, Slot("", "a", 1), "failed")

    assert agenda.pruned
    assert agenda.due() == []


@pytest.mark.rule("R5")
def test_without_pruning_a_pass_runs_to_its_end() -> None:
    """Where the human asked for that (rule R5)."""
    around = running("strict", stored=1)
    assert around.contest is not None
    contest = around.contest.model_copy(update={"pruning": False})
    agenda = Agenda(around.model_copy(update={"contest": contest}))
    end(agenda, Slot("", "a", 1), "failed")

    assert not agenda.pruned
    assert agenda.due() == [Slot("", "b", 1)]


@pytest.mark.rule("R9")
@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_void_trial_is_due_again_up_to_a_cap(retries: int) -> None:
    """After that the evaluation ends without a verdict, and never with a keep (rule R9)."""
    agenda, slot = Agenda(running("strict"), void_retries=retries), Slot("", "a", 1)
    end(agenda, Slot("", "b", 1))
    for _ in range(retries):
        end(agenda, slot, "void")
        assert agenda.due() == [slot]
    end(agenda, slot, "void")

    assert agenda.due() == []
    assert agenda.answer() == "open"


@pytest.mark.rule("R9")
def test_the_next_pass_waits_for_a_trial_that_stays_void() -> None:
    """A pass that was not measured to its end wins nothing (rule R9)."""
    agenda = Agenda(running("confirm"))
    end(agenda, Slot("", "a", 1))
    end(agenda, Slot("", "b", 1), "void")

    assert agenda.due() == []
    assert agenda.answer() == "open"


def test_a_measured_slot_is_never_due_again_and_its_first_trial_counts() -> None:
    """No second chance (threat E1)."""
    agenda = Agenda(running("strict", stored=1))
    end(agenda, Slot("", "a", 1), "failed")
    end(agenda, Slot("", "a", 1), "passed")

    assert agenda.answer() == "lost"


def test_trials_of_other_tasks_and_sides_count_for_nothing() -> None:
    """Only slots of this evaluation are measured."""
    agenda = Agenda(running("strict", stored=1))
    for slot in (Slot("", "z", 1), Slot("i", "a", 1), Slot("", "a", 9)):
        end(agenda, slot)

    assert agenda.due() == [Slot("", "a", 1), Slot("", "b", 1)]


def test_a_measurement_without_a_contest_runs_all_of_its_passes() -> None:
    """A certificate or a baseline has no one to lose against."""
    around = running(None, passes=3)
    agenda, seen = Agenda(around), list[Slot]()
    while due := agenda.due():
        seen.append(due[0])
        end(agenda, due[0], "failed")

    assert len(seen) == len(set(seen)) == 12 == agenda.expected == most_trials(around)
    assert seen[:4] == [Slot("", "a", 1), Slot("i", "a", 1), Slot("", "b", 1), Slot("i", "b", 1)]


@settings(deadline=None)
@given(
    st.sampled_from(["strict", "confirm", "anytime", None]),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(0, 2),
    st.data(),
)
def test_each_slot_is_measured_once_and_no_more_than_were_reserved(
    rule: GateRule | None, attempts: int, stored: int, retries: int, data: st.DataObject
) -> None:
    """Whatever ends in whatever order; void trials are repeated, and no more often than allowed."""
    around = running(rule, attempts=attempts, stored=stored, passes=1 if rule else 2)
    agenda, measured, void = Agenda(around, retries), list[Slot](), list[Slot]()
    while due := agenda.due():
        assert len(due) == len(set(due))
        slot = data.draw(st.sampled_from(due))
        outcome = data.draw(OUTCOMES)
        end(agenda, slot, outcome)
        (void if outcome == "void" else measured).append(slot)

    assert len(measured) == len(set(measured)) <= most_trials(around)
    assert all(void.count(slot) <= retries + 1 for slot in void)
    assert len(measured) <= agenda.expected
