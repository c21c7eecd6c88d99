"""Pruning: the order that brings a stop early, and that no stop and no order changes a verdict."""

from collections.abc import Callable
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoagent.gate.agenda import Agenda, Slot
from autoagent.gate.contests import most_trials
from autoagent.gate.passes import ContestState, Count
from autoagent.gate.pruning import hardest_first, sums_of
from autoagent.gate.rules import anytime, confirm, strict
from autoagent.records import Contest, GateRule, Running, Side, Trial

TASKS = st.lists(st.text("abc", min_size=1), unique=True, max_size=8)
SCORES = st.dictionaries(st.text("abc", min_size=1), st.none() | st.floats(0, 1))
RULES = st.sampled_from(["strict", "confirm", "anytime"])
ANSWERS: dict[GateRule, Callable[[Contest, list[Count]], ContestState]] = {
    "strict": strict.answer,
    "confirm": confirm.answer,
    "anytime": anytime.answer,
}


def contest(rule: GateRule, stored: int, **changes: object) -> Contest:
    fields = {"passes": 2, "alpha": 0.5, "pruning": True, "simpler": False, **changes}
    return Contest.model_validate({"rule": rule, "stored": stored, **fields})


def running(against: Contest, tasks: int, attempts: int) -> Running:
    return Running(
        id="e2",
        kind="full",
        candidate="c",
        digest="d",
        tasks=tuple(f"t{n}" for n in range(tasks)),
        attempts=attempts,
        against=() if against.rule == "strict" else (Side(name="i", candidate="i", digest="i"),),
        contest=against,
    )


def trial(slot: Slot, seed: int, chance: float) -> Trial:
    """The same world for every order: what a slot gives depends on the slot alone."""
    passed = Random(f"{seed}/{slot}").random() < chance
    outcome = "passed" if passed else "failed"
    return Trial(
        id=str(slot),
        task=slot.task,
        attempt=slot.attempt,
        side=slot.side,
        outcome=outcome,
        reward=float(passed),
    )


def play(agenda: Agenda, seed: int, chance: float, order: Random) -> list[Trial]:
    """Run what is due, whichever of it ends first."""
    ended: list[Trial] = []
    while due := agenda.due():
        ended.append(trial(order.choice(due), seed, chance))
        agenda.note(ended[-1])
    return ended


WORLDS = {
    "rule": RULES,
    "passes": st.integers(2, 3),
    "tasks": st.integers(1, 6),
    "attempts": st.integers(1, 2),
    "stored": st.integers(0, 8),
    "simpler": st.booleans(),
    "seed": st.integers(0, 10**6),
    "chance": st.floats(0.1, 0.9),
}


@pytest.mark.rule("R5")
@settings(deadline=None)
@given(**WORLDS, order=st.randoms(use_true_random=False))
def test_a_stop_and_an_order_never_change_a_verdict(
    rule: GateRule,
    passes: int,
    tasks: int,
    attempts: int,
    stored: int,
    simpler: bool,
    seed: int,
    chance: float,
    order: Random,
) -> None:
    """Stopping early says what running on would have said, whatever ends first (rule R5)."""
    against = contest(rule, stored, passes=passes, simpler=simpler)
    whole = against.model_copy(update={"pruning": False})
    stopped = Agenda(running(against, tasks, attempts))
    other = Agenda(running(against, tasks, attempts))
    unstopped = Agenda(running(whole, tasks, attempts))

    trials = play(stopped, seed, chance, order)
    play(other, seed, chance, order)
    all_trials = play(unstopped, seed, chance, order)

    assert stopped.answer() == other.answer() == unstopped.answer() != "open"
    assert len(trials) <= len(all_trials) <= most_trials(running(against, tasks, attempts))


@pytest.mark.rule("R5")
@settings(deadline=None)
@given(**WORLDS, order=st.randoms(use_true_random=False), flying=st.integers(0, 6))
def test_trials_that_end_after_a_stop_change_nothing_nor_does_reading_them_backwards(
    rule: GateRule,
    passes: int,
    tasks: int,
    attempts: int,
    stored: int,
    simpler: bool,
    seed: int,
    chance: float,
    order: Random,
    flying: int,
) -> None:
    """An audit reads the trials of the journal, some of which ended in flight (rule R5)."""
    around = running(contest(rule, stored, passes=passes, simpler=simpler), tasks, attempts)
    agenda = Agenda(around)
    trials: list[Trial] = []
    begun: list[Slot] = []
    while due := agenda.due():
        begun = due
        trials.append(trial(order.choice(due), seed, chance))
        agenda.note(trials[-1])
    said = agenda.answer()

    trials += [trial(slot, seed, chance) for slot in begun[:flying]]
    again = Agenda(around)
    for one in reversed(trials):
        again.note(one)

    assert again.answer() == said
    assert not again.due()


def ends(count: Count) -> list[Count]:
    """Every way in which a pass of both sides, whose first trials ended, can end."""
    own, rival = count.left, count.rival_left
    found: list[Count] = []
    for ours, theirs in product(product([0, 1], repeat=own), product([0, 1], repeat=rival)):
        passed, rival_passed = count.passed + sum(ours), count.rival_passed + sum(theirs)
        wins = count.wins + sum(a > b for a, b in zip(ours, theirs, strict=True))
        found.append(Count(passed, 0, rival_passed, 0, wins, wins - passed + rival_passed))
    return found


@pytest.mark.parametrize("rule", ["confirm", "anytime"])
@pytest.mark.parametrize("simpler", [False, True])
def test_a_pass_of_both_sides_is_cut_short_exactly_where_every_end_of_it_is_lost(
    rule: GateRule, simpler: bool
) -> None:
    """Neither too early, which would lose a keep, nor too late, which would cost trials."""
    against = contest(rule, 2, simpler=simpler, passes=3)
    answer, screened = ANSWERS[rule], Count(3, 0)
    for before in ([], [Count(2, 0, 1, 0, 2, 1)]):
        for pairs in (*product([(0, 0), (0, 1), (1, 0), (1, 1)], repeat=2), ()):
            ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
            left = 4 - len(pairs)
            wins, losses = pairs.count((1, 0)), pairs.count((0, 1))
            part = Count(sum(ours), left, sum(theirs), left, wins, losses)
            if answer(against, [screened, *before]) != "open":
                continue
            answers = {answer(against, [screened, *before, end]) for end in ends(part)}

            assert (answer(against, [screened, *before, part]) == "lost") == (answers == {"lost"})


@settings(deadline=None)
@given(TASKS, SCORES, st.lists(SCORES, max_size=4))
def test_the_order_is_of_the_same_tasks(
    tasks: list[str], incumbent: dict[str, float | None], others: list[dict[str, float | None]]
) -> None:
    """Whatever else was measured, none is lost and none is added (rule R4)."""
    assert sorted(hardest_first(tasks, incumbent, sums_of(others))) == sorted(tasks)


@settings(deadline=None)
@given(TASKS, st.none() | st.floats(0, 1))
def test_equally_hard_tasks_keep_their_order(tasks: list[str], score: float | None) -> None:
    """Equal histories give equal orders."""
    scores = dict.fromkeys(tasks, score)

    assert (
        hardest_first(tasks, scores, sums_of([scores])) == hardest_first(tasks, {}) == tuple(tasks)
    )


def test_what_the_incumbent_failed_comes_first_and_others_break_ties() -> None:
    """The incumbent counts twice; a task that was not measured counts one half."""
    incumbent = {"a": 1.0, "b": 0.0, "c": 0.0, "d": None, "e": 1.0}
    others = [{"b": 1.0, "c": 0.0, "a": 1.0}, {"e": 0.0}]

    assert hardest_first("abcde", incumbent, sums_of(others)) == ("c", "b", "d", "e", "a")
