"""The posterior gate: which trials it asks for, and when it has seen enough."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.gate.agenda import Slot
from autoagent.gate.contests import agenda_of, most_trials
from autoagent.gate.rules.blocks import Blocks, telling_first
from autoagent.gate.rules.pool import Past, inherited, known, prior_of, shape, tallies
from autoagent.gate.rules.posterior import Tally
from autoagent.gate.rules.wording import believed
from autoagent.records import Contest, Outcome, Running, Side, Trial

TASKS = tuple("abcdefghij")
POOL: dict[str, Tally] = {task: (4.0 if task < "f" else 0.0, 4.0) for task in TASKS}
"""Five tasks that were always passed and five that never were."""
CHANCES = {task: float(task < "f") for task in TASKS}


def running(
    pool: dict[str, Tally] | None = None,
    *,
    alpha: float = 0.2,
    attempts: int = 1,
    priced: bool = True,
    **changes: bool,
) -> Running:
    contest = Contest.model_validate(
        {
            "rule": "posterior",
            "passes": 2,
            "alpha": alpha,
            "pruning": True,
            "stored": 5,
            "simpler": False,
            "pool": POOL if pool is None else pool,
            "prior": prior_of(0.5, 0.5, [3.0, 3.0, 1.0, 3.0], priced=priced),
            **changes,
        }
    )
    return Running(
        id="e",
        kind="full",
        candidate="c",
        digest="d",
        tasks=telling_first(TASKS, contest.pool, contest.prior),
        attempts=attempts,
        against=(Side(name="incumbent", candidate="i", digest="i"),),
        contest=contest,
    )


def trial(slot: Slot, outcome: Outcome) -> Trial:
    reward = None if outcome == "void" else float(outcome == "passed")
    return Trial(
        id="x",
        task=slot.task,
        attempt=slot.attempt,
        side=slot.side,
        outcome=outcome,
        reward=reward,
    )


def play(
    around: Running, own: dict[str, float], rival: dict[str, float], random: Random
) -> tuple[Blocks, list[Trial]]:
    """Run what is due, four at a time and in the order they end, until nothing is."""
    agenda = agenda_of(around, [])
    assert isinstance(agenda, Blocks)
    trials: list[Trial] = []
    while (due := agenda.due()) and not agenda.pruned:
        some = due[:4]
        random.shuffle(some)
        for slot in some:
            passed = random.random() < (rival if slot.side else own)[slot.task]
            trials.append(trial(slot, "passed" if passed else "failed"))
            agenda.note(trials[-1])
    return agenda, trials


def test_a_task_that_always_passes_and_one_that_never_does_take_turns() -> None:
    """A failure says most of the one, a pass of the other."""
    pool: dict[str, Tally] = {"a": (2, 2), "b": (0, 2), "c": (1, 2)}
    usual, certain = prior_of(0.5, 0.5, [1.0] * 4), prior_of(0.1, 0.1, [1.0] * 4)
    assert telling_first("abcd", pool, usual) == ("b", "a", "c", "d")
    assert telling_first("abcd", pool, certain) == ("b", "c", "d", "a")
    assert set(telling_first(TASKS, {}, usual)) == set(TASKS)


@pytest.mark.rule("R4")
def test_nothing_is_kept_before_the_first_pass_is_whole() -> None:
    """However much is gained: only the full suite decides."""
    agenda = agenda_of(running(), [])
    for slot in agenda.due()[:-1]:
        agenda.note(trial(slot, "passed"))
    assert agenda.answer() == "open"
    last = agenda.due()
    assert len(last) == 1
    again, trials = play(running(), dict.fromkeys(TASKS, 1.0), CHANCES, Random(1))
    assert (again.answer(), len(trials) >= len(TASKS)) == ("won", True)


def test_what_breaks_tasks_is_stopped_in_its_first_pass() -> None:
    """Three tasks that always passed fail."""
    agenda, trials = play(running(), dict.fromkeys(TASKS, 0.0), CHANCES, Random(1))
    assert (agenda.answer(), agenda.pruned) == ("lost", True)
    assert len(trials) < len(TASKS)


def test_without_pruning_the_first_pass_is_whole_whatever_it_shows() -> None:
    """Every candidate's average is over the whole suite then."""
    around = running(pruning=False)
    agenda, trials = play(around, dict.fromkeys(TASKS, 0.0), CHANCES, Random(1))
    assert (agenda.answer(), agenda.pruned, len(trials) >= len(TASKS)) == ("lost", False, True)


def test_after_the_first_pass_the_tasks_that_flipped_are_asked_again() -> None:
    """One that never passed does now, and one that always passed does not: which is luck?"""
    agenda = agenda_of(running(), [])
    for slot in agenda.due():
        passed = (CHANCES[slot.task] or slot.task == "j") and slot.task != "a"
        agenda.note(trial(slot, "passed" if passed else "failed"))
    assert agenda.answer() == "open"
    assert sorted(agenda.due()) == [Slot("", "a", 2), Slot("", "j", 2)]


@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
def test_the_order_in_which_trials_end_changes_no_answer(
    seed: int, bounded: bool, simpler: bool, priced: bool
) -> None:
    """A verdict is audited by replaying its trials."""
    random = Random(seed)
    own, rival = ({task: random.random() for task in TASKS} for _ in range(2))
    around = running({}, bounded=bounded, simpler=simpler, priced=priced)
    agenda, trials = play(around, own, rival, random)
    random.shuffle(trials)
    again = agenda_of(around, trials)
    assert isinstance(again, Blocks)
    assert again.seen == agenda.seen
    assert again.answer() != "open"
    assert len(trials) <= most_trials(around)


def test_where_no_luck_was_seen_a_candidate_that_fixes_nothing_is_not_measured_to_its_end() -> None:
    """The rest of the pass always passed: passing it again would gain nothing."""
    around = running()
    assert around.contest is not None
    prior = prior_of(0.05, 0.05, [3.0, 3.0, 1.0, 3.0])
    contest = around.contest.replace(prior=prior)
    around = around.replace(contest=contest, tasks=telling_first(TASKS, contest.pool, prior))
    agenda, trials = play(around, CHANCES, CHANCES, Random(1))
    assert (agenda.answer(), agenda.pruned) == ("lost", True)
    assert {t.task for t in trials if t.outcome == "passed"} < set("abcde")


def test_a_climb_from_before_trials_had_a_price_goes_by_its_own_stops() -> None:
    """Five failures that were always passed are enough there; today it may take two more."""
    for priced in (False, True):
        around = running(pruning=False, priced=priced)
        _, trials = play(around, dict.fromkeys(TASKS, 0.0), CHANCES, Random(1))
        assert (len(trials) == len(TASKS)) == (not priced)


@pytest.mark.rule("R9")
def test_a_void_trial_is_never_a_failure_and_leaves_the_contest_open() -> None:
    """What stays void ends the evaluation without an answer."""
    agenda = agenda_of(running(), [])
    for slot in agenda.due():
        agenda.note(trial(slot, "void" if slot.task == "c" else "passed"))
    assert (agenda.due(), agenda.answer(), agenda.whole) == ([], "open", False)


@pytest.mark.rule("R5")
def test_a_simpler_candidate_is_kept_where_it_is_surely_as_good() -> None:
    """The same trials on a suite without luck: a tie counts for the simpler side only."""
    for simpler, answer in ((True, "won"), (False, "lost")):
        around = running(simpler=simpler)
        assert around.contest is not None
        certain = {"prior": prior_of(0.05, 0.05, [3.0, 3.0, 1.0, 3.0])}
        contest = around.contest.model_copy(update=certain)
        around = around.model_copy(update={"contest": contest})
        agenda, _ = play(around, CHANCES, CHANCES, Random(3))
        assert agenda.answer() == answer
        agenda, _ = play(around, CHANCES | {"a": 0.0}, CHANCES, Random(3))
        assert agenda.answer() == "lost"


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_where_keeps_are_bounded_a_null_is_kept_at_most_as_often_as_alpha_says(
    alpha: float,
) -> None:
    """Both sides have the same chance at every task, whichever tasks are chosen."""
    random = Random(7)
    kept = 0
    for _ in range(300):
        chances = {task: random.random() for task in TASKS}
        agenda, _ = play(running({}, alpha=alpha, bounded=True), chances, chances, random)
        kept += agenda.answer() == "won"
    assert kept <= 300 * alpha


def test_where_keeps_are_bounded_a_clear_gain_is_kept_all_the_same() -> None:
    """It takes fresh pairs, which a plain posterior needs not."""
    around = running(bounded=True)
    agenda, trials = play(around, dict.fromkeys(TASKS, 1.0), CHANCES, Random(1))
    assert agenda.answer() == "won"
    assert {t.side for t in trials} == {"", "incumbent"}


# -- the pool ---------------------------------------------------------------------------------


def baseline(passed: dict[str, tuple[bool, ...]]) -> Past:
    trials = tuple(
        trial(Slot("", task, n), "passed" if one else "failed")
        for task, results in passed.items()
        for n, one in enumerate(results, 1)
    )
    alone = running().model_copy(update={"kind": "baseline", "contest": None, "passes": 2})
    return Past(alone, trials, kept=True)


def test_the_pool_begins_with_both_passes_of_the_baseline() -> None:
    """And grows by what contests measure of the incumbent afresh."""
    first = baseline({"a": (True, False), "b": (True, True)})
    assert known([first]).pool == {"a": (1, 2), "b": (2, 2)}


def test_a_kept_candidate_inherits_what_looks_unchanged() -> None:
    """Evidence of a task that was changed is none of the new harness."""
    own: dict[str, Tally] = {"a": (1, 1), "b": (2, 2)}
    pool: dict[str, Tally] = {"a": (4, 4), "b": (0, 4)}
    assert inherited(own, pool, {"a": 0.0, "b": 1.0}) == {"a": (5, 5), "b": (2, 2)}
    assert inherited(own, pool, {"a": 0.25, "b": 0.5}) == {"a": (4, 4), "b": (2, 4)}


def test_where_all_tasks_shifted_what_is_inherited_shifts_too() -> None:
    """A pool from before a gain would make every later edit look good."""
    own: dict[str, Tally] = {"a": (1, 1), "b": (0, 1)}
    pool: dict[str, Tally] = {"a": (2, 4), "b": (4, 4)}
    kept = inherited(own, pool, {"a": 0.0, "b": 0.0}, (0.5, 0.5), 0.5)
    assert kept == {"a": (3.5, 5), "b": (4, 5)}
    assert inherited(own, pool, {"a": 0.0, "b": 0.0}, (0.5, 0.5), -9.0)["a"] == (1, 5)


def test_a_trial_that_measured_something_is_counted_once() -> None:
    """A void is nothing, and a repetition no second chance."""
    slot = Slot("", "a", 1)
    seen = [trial(slot, outcome) for outcome in ("void", "failed", "passed")]
    assert tallies(seen) == {"a": (0, 1)}


def test_the_night_sizes_how_much_chances_differ_from_task_to_task() -> None:
    """Two passes that agree speak of a suite without coin flips, and few pairs say little."""
    a, b = shape([])
    assert (a, b) == (0.5, 0.5)
    sure, noisy = shape([(0, 2), (2, 2)] * 50), shape([(1, 2)] * 50 + [(0, 2), (2, 2)] * 25)
    assert sum(sure) < 0.5 < 1 < sum(noisy)


def test_edits_that_were_seen_to_do_nothing_make_the_next_less_likely_to() -> None:
    """And a candidate that was lost leaves the incumbent's pool its fresh trials."""
    around, random = running(), Random(2)
    first = baseline({task: (bool(CHANCES[task]),) * 2 for task in TASKS})
    past = [first]
    for _ in range(30):
        _, trials = play(around, CHANCES, CHANCES, random)
        past.append(Past(around, tuple(trials), kept=False))
    before, after = known(past[:1]).prior, known(past).prior
    assert after.shares[-1][1] < before.shares[-1][1]


def test_the_prior_and_the_pool_follow_from_the_past_alone() -> None:
    """A verdict is audited by computing both again."""
    agenda, trials = play(running(), CHANCES | {"j": 1.0}, CHANCES, Random(4))
    past = [baseline({task: (True, False) for task in TASKS})]
    past.append(Past(running(), tuple(trials), kept=True))
    assert agenda.answer() == "won"
    assert known(past) == known(list(past))
    assert known(past).pool["j"][0] / known(past).pool["j"][1] > 0.5


def test_what_is_believed_is_told_in_words() -> None:
    """Which tasks, of what kind, and what it is worth."""
    around = running()
    assert around.contest is not None
    agenda, _ = play(around, CHANCES | {"j": 1.0, "i": 1.0}, CHANCES, Random(4))
    said = believed(around.contest, agenda.seen)
    assert said.startswith("it ")
    assert "2 tasks that never passed: expected +" in said
    assert said.endswith("of 100 cases")
    agenda, _ = play(around, CHANCES, CHANCES, Random(4))
    assert believed(around.contest, agenda.seen).startswith("no single task stands out: ")
