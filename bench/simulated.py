"""The world that bench/nights.py simulates, and the gate's own answers in it.

A suite's tasks have chances of their own, most near 0 or 1. Edits are mostly null or harmful; one
moves a few tasks up and others down, and one in five makes the harness simpler. Only that is
simulated: each verdict and each stop is an answer of `autoagent.gate`, each order and certificate
its own.
"""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import fsum
from random import Random
from statistics import fmean
from typing import Any, NamedTuple

from autoagent.config import Config
from autoagent.gate.agenda import ANSWERS, most_passes
from autoagent.gate.certificate import effect
from autoagent.gate.passes import Count
from autoagent.gate.pruning import hardest_first
from autoagent.records import Contest, Effect, GateRule, Noise

CANDIDATES = 50
CERTIFY_PASSES = 3
IN_FLIGHT = 3
"""Trials beside the one that decided, which had begun when it ended: four run at a time."""


class Setting(NamedTuple):
    rule: GateRule
    passes: int = 2
    attempts: int = 1
    alpha: float = Config().gate.alpha


SETTINGS = {
    "strict": Setting("strict"),
    "strict, attempts = 3": Setting("strict", attempts=3),
    "confirm, passes = 2": Setting("confirm"),
    "confirm, passes = 3": Setting("confirm", passes=3),
    "anytime": Setting("anytime"),
}


# --- the world ---------------------------------------------------------------------------


class Edit(NamedTuple):
    """Moves the chances of some tasks up or down by a share, or swaps those of some pairs."""

    moves: dict[int, float]
    swaps: list[tuple[int, int]]
    simpler: bool


def suite(size: int, random: Random) -> list[float]:
    """The baseline's chance at each task: U-shaped, 44 % on average."""
    return [random.betavariate(0.4, 0.5) for _ in range(size)]


def edits(size: int, random: Random, *, null: bool) -> Iterator[Edit]:
    """Three in five are null, one in four is harmful, the others (15 %) are helpful.

    Half of the null ones change nothing; the others swap tasks, so that the sum stays.
    """
    while True:
        kind, simpler = random.random(), random.random() < 0.2
        if null or kind < 0.6:
            touched = random.sample(range(size), 2 * random.randint(1, max(1, size // 10)))
            pairs = list(zip(touched[::2], touched[1::2], strict=True))
            yield Edit({}, pairs if random.random() < 0.5 else [], simpler and not null)
        else:
            up = 0.2 if kind < 0.85 else 0.8
            touched = random.sample(range(size), random.randint(1, size // 5))
            moves = {
                task: (1 if random.random() < up else -1) * random.random() for task in touched
            }
            yield Edit(moves, [], simpler)


def edited(chances: list[float], edit: Edit) -> list[float]:
    after = chances.copy()
    for task, share in edit.moves.items():
        after[task] += share * ((1 - after[task]) if share > 0 else after[task])
    for one, other in edit.swaps:
        after[one], after[other] = after[other], after[one]
    return after


# --- an evaluation -----------------------------------------------------------------------


class Ended(NamedTuple):
    """How a contest ended, and its trials: stopped, with those in flight, and unstopped."""

    kept: bool
    same: bool
    """Whether running on to the end gives the same verdict."""
    trials: int
    in_flight: int
    unpruned: int
    passed: list[bool]
    """The candidate's trials of the last pass, as far as they ran."""


def contest(
    against: Contest, own: Sequence[float], rival: Sequence[float], random: Random, *, walk: bool
) -> Ended:
    """Run a candidate's passes; `own` and `rival` are chances, one a trial, in their order."""
    answer, draw = ANSWERS[against.rule], random.random
    seen: list[Count] = []
    trials = in_flight = unpruned = 0
    for number in range(1, most_passes(against) + 1):
        ours = [draw() < chance for chance in own]
        if number == 1:
            count, length = screened(ours), len(own)
        else:
            count, length = paired(ours, [draw() < chance for chance in rival]), 2 * len(own)

        def lost(ran: int, count: Callable[[int], Count] = count) -> bool:
            return answer(against, [*seen, count(ran)]) == "lost"

        whole = range(length)
        ran = next(filter(lost, whole), length) if walk else bisect_left(whole, True, key=lost)
        end = answer(against, [*seen, count(length)])
        trials += ran
        in_flight += min(length, ran + IN_FLIGHT)
        unpruned += length
        if end != "open" or ran < length:
            own_ran = ran if number == 1 else (ran + 1) // 2
            same = ran == length or end == "lost"
            return Ended(end == "won", same, trials, in_flight, unpruned, ours[:own_ran])
        seen.append(count(length))
    raise AssertionError("the gate left its last pass open")


def screened(ours: Sequence[bool]) -> Callable[[int], Count]:
    passed, size = list(accumulate(ours, initial=0)), len(ours)
    return lambda ran: Count(passed[ran], size - ran)


def paired(ours: Sequence[bool], theirs: Sequence[bool]) -> Callable[[int], Count]:
    """The count after so many trials of a pass in which the sides take turns."""
    size, both = len(ours), list(zip(ours, theirs, strict=True))
    passed, rival = list(accumulate(ours, initial=0)), list(accumulate(theirs, initial=0))
    wins = list(accumulate((a and not b for a, b in both), initial=0))
    losses = list(accumulate((b and not a for a, b in both), initial=0))

    def count(ran: int) -> Count:
        own, other = (ran + 1) // 2, ran // 2
        return Count(
            passed[own], size - own, rival[other], size - other, wins[other], losses[other]
        )

    return count


# --- a night -----------------------------------------------------------------------------


class Night(NamedTuple):
    """One night under one gate, with 50 candidates; gains are in points."""

    gain: float
    claimed: float
    certified: float
    covered: bool
    keeps: int
    false_keeps: int
    no_better: int
    trials: int
    in_flight: int
    unpruned: int
    different: int
    walked: int
    noise: Noise
    same_trials: float
    """True gain where the trials of 50 unpruned passes are the limit too."""
    only_trials: float
    """True gain where they are the only limit."""
    afforded: int


def night(name: str, size: int, seed: str, *, null: bool, walk: bool) -> Night:
    setting, tasks = SETTINGS[name], [str(n) for n in range(size)]
    random, world = Random(f"{seed}/{name}"), Random(f"{seed}/world")
    attempts = setting.attempts
    baseline = chances = suite(size, world)
    first, second = (
        [world.random() < chance for chance in baseline for _ in range(attempts)] for _ in range(2)
    )
    noise = Noise(
        pairs=len(first), differing=sum(a != b for a, b in zip(first, second, strict=True))
    )
    stream = edits(size, Random(f"{seed}/edits"), null=null)
    start = true = fsum(baseline)
    stored, incumbent = sum(first), scores(tasks, first, attempts)
    others: list[dict[str, float]] = []
    trials = in_flight = unpruned = different = keeps = false_keeps = no_better = done = 0
    fifty: dict[str, Any] = {}
    paid: tuple[float, int] | None = None
    for done in itertools.count():
        gain = points(true - start, size)
        if done == CANDIDATES:
            found = certificate(baseline, chances, attempts, random)
            fifty = {
                "gain": gain,
                "claimed": points(stored - sum(first), len(first)),
                "certified": 100 * found.difference,
                "covered": found.low <= gain / 100 <= found.high,
                "keeps": keeps,
                "false_keeps": false_keeps,
                "no_better": no_better,
                "trials": trials,
                "in_flight": in_flight,
                "unpruned": unpruned,
                "different": different,
            }
        if fifty and (paid or null):
            break
        edit = next(stream)
        candidate = edited(chances, edit)
        order = [int(task) for task in hardest_first(tasks, incumbent, others)]
        against = Contest(
            rule=setting.rule,
            passes=setting.passes,
            alpha=setting.alpha,
            pruning=True,
            stored=stored,
            simpler=edit.simpler,
        )
        own, rival = (
            [side[task] for task in order for _ in range(attempts)] for side in (candidate, chances)
        )
        ended = contest(against, own, rival, random, walk=walk)
        if paid is None and trials + ended.trials > CANDIDATES * size:
            paid = (gain, done)
        trials, unpruned = trials + ended.trials, unpruned + ended.unpruned
        in_flight, different = in_flight + ended.in_flight, different + (not ended.same)
        measured, after = scores([tasks[n] for n in order], ended.passed, attempts), fsum(candidate)
        as_good = not edit.simpler and after <= true
        no_better += as_good
        others.append(incumbent if ended.kept else measured)
        if ended.kept:
            keeps, false_keeps = keeps + 1, false_keeps + as_good
            chances, true, incumbent, stored = candidate, after, measured, sum(ended.passed)
    only_trials, afforded = paid or (0.0, 0)
    same_trials = only_trials if afforded < CANDIDATES else fifty["gain"]
    return Night(
        **fifty,
        walked=CANDIDATES if walk else 0,
        noise=noise,
        same_trials=same_trials,
        only_trials=only_trials,
        afforded=afforded,
    )


def points(passed: float, of: int) -> float:
    return 100 * passed / of


def scores(tasks: Sequence[str], passed: Sequence[bool], attempts: int) -> dict[str, float]:
    """The task scores of a pass, as far as it ran."""
    return {
        tasks[n // attempts]: fmean(passed[n : n + attempts])
        for n in range(0, len(passed), attempts)
    }


def certificate(before: list[float], after: list[float], attempts: int, random: Random) -> Effect:
    draw, trials = random.random, range(CERTIFY_PASSES * attempts)
    pairs = {
        str(task): [(draw() < was, draw() < now) for _ in trials]
        for task, (was, now) in enumerate(zip(before, after, strict=True))
    }
    found = effect(pairs)
    assert found is not None
    return found
