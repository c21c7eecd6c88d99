"""Nights against the gate itself, for bench/nights.py; the worlds are those of bench/worlds.py.

Only the world is simulated: each verdict and each stop is an answer of `autoagent.gate`, each order
and certificate its own.
"""

import itertools
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import fsum
from random import Random
from statistics import fmean
from typing import Any, NamedTuple

from worlds import WORLDS, Chances, Edit, drifted, swing

from autoagent.config import Config
from autoagent.gate.agenda import ANSWERS, Slot, most_passes
from autoagent.gate.certificate import effect
from autoagent.gate.passes import Count
from autoagent.gate.pruning import hardest_first, sums_of
from autoagent.gate.rules.blocks import course, telling_first
from autoagent.gate.rules.pool import USUAL_EDITS, WEIGHTS, inherited, prior_of, shape
from autoagent.gate.rules.posterior import Tally
from autoagent.records import Contest, Effect, GateRule, Noise, Running, Side

CANDIDATES = 50
CERTIFY_PASSES = 3
IN_FLIGHT = 3
"""Trials beside the one that decided, which had begun when it ended: four run at a time."""


class Setting(NamedTuple):
    rule: GateRule
    passes: int = 2
    attempts: int = 1
    alpha: float = Config().gate.alpha
    bounded: bool = False
    priced: bool = True
    """Whether trials have a price, as in climbs that begin today."""


SETTINGS = {
    "strict": Setting("strict"),
    "strict, attempts = 3": Setting("strict", attempts=3),
    "confirm, passes = 2": Setting("confirm"),
    "confirm, passes = 3": Setting("confirm", passes=3),
    "anytime": Setting("anytime"),
    "posterior": Setting("posterior"),
    "posterior, bounded": Setting("posterior", bounded=True),
}


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


# --- the two kinds of gates ----------------------------------------------------------------


class ByPasses:
    """What a gate that counts passes remembers from candidate to candidate."""

    def __init__(
        self, setting: Setting, tasks: list[str], first: Sequence[bool], _: Sequence[bool]
    ) -> None:
        self.setting, self.tasks = setting, tasks
        self.passed = sum(first)
        self._incumbent = scores(tasks, first, setting.attempts)
        self._others: list[dict[str, float]] = []

    def judge(
        self, own: Chances, rival: Chances, random: Random, *, simpler: bool, walk: bool
    ) -> Ended:
        setting, attempts = self.setting, self.setting.attempts
        others = sums_of(self._others)
        order = [int(task) for task in hardest_first(self.tasks, self._incumbent, others)]
        against = Contest(
            rule=setting.rule,
            passes=setting.passes,
            alpha=setting.alpha,
            pruning=True,
            stored=self.passed,
            simpler=simpler,
        )
        ours, theirs = ([side[n] for n in order for _ in range(attempts)] for side in (own, rival))
        ended = contest(against, ours, theirs, random, walk=walk)
        measured = scores([self.tasks[n] for n in order], ended.passed, attempts)
        self._others.append(self._incumbent if ended.kept else measured)
        if ended.kept:
            self._incumbent, self.passed = measured, sum(ended.passed)
        return ended


class ByBlocks:
    """What the posterior gate remembers: the incumbent's pool, and what edits do."""

    def __init__(
        self, setting: Setting, tasks: list[str], first: Sequence[bool], second: Sequence[bool]
    ) -> None:
        self.setting, self.tasks = setting, tasks
        self.passed = sum(first)
        both = zip(tasks, first, second, strict=True)
        self._pool: dict[str, Tally] = {task: (float(a + b), 2.0) for task, a, b in both}
        self._shape = shape(self._pool.values())
        self._cases = [USUAL_EDITS * weight for weight in WEIGHTS]

    def judge(
        self, own: Chances, rival: Chances, random: Random, *, simpler: bool, walk: bool
    ) -> Ended:
        setting, draw = self.setting, random.random
        against = Contest(
            rule="posterior",
            passes=2,
            alpha=setting.alpha,
            pruning=True,
            stored=self.passed,
            simpler=simpler,
            pool=self._pool,
            prior=prior_of(*self._shape, self._cases, priced=setting.priced),
            bounded=setting.bounded,
        )
        order = telling_first(self.tasks, self._pool, against.prior)
        playing = course(running(order, against), against)
        trials, first = 0, list[bool]()
        try:
            _, block = next(playing)
            while True:
                results = {s: draw() < (rival if s.side else own)[int(s.task)] for s in block}
                first += [results[s] for s in block if s == Slot("", s.task, 1)]
                trials += len(block)
                _, block = playing.send(results)
        except StopIteration as ended:
            seen = ended.value
        whole = len(order)
        in_flight = min(whole, trials + IN_FLIGHT) if trials < whole else trials
        self._pool = dict(seen.incumbent)
        self._cases = [a + b for a, b in zip(self._cases, seen.belief.cases, strict=True)]
        if seen.answer == "won":
            shift = seen.belief.shift if setting.priced else 0.0
            chances = seen.belief.chances
            self._pool = inherited(seen.candidate, self._pool, chances, self._shape, shift)
            self.passed = sum(first)
        return Ended(seen.answer == "won", True, trials, in_flight, max(whole, trials), first)


def running(order: tuple[str, ...], against: Contest) -> Running:
    rival = Side(name="incumbent", candidate="", digest="")
    return Running(
        id="e",
        kind="full",
        candidate="",
        digest="",
        tasks=order,
        attempts=1,
        against=(rival,),
        contest=against,
    )


# --- a night -----------------------------------------------------------------------------


class Night(NamedTuple):
    """One night under one gate, with 50 candidates; gains are in points."""

    gain: float
    claimed: float
    certified: float
    covered: bool
    width: float
    covered_like: bool
    """By the interval that speaks of tasks like these, and how wide that is."""
    width_like: float
    keeps: int
    false_keeps: int
    no_better: int
    simpler_keeps: int
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


class Tallied:
    """A night's counts, as long as it lasts."""

    def __init__(self) -> None:
        self.keeps = self.false_keeps = self.no_better = self.simpler_keeps = 0
        self.trials = self.in_flight = self.unpruned = self.different = 0

    def take(self, ended: Ended, edit: Edit, *, as_good: bool) -> None:
        self.trials, self.unpruned = self.trials + ended.trials, self.unpruned + ended.unpruned
        self.in_flight += ended.in_flight
        self.different += not ended.same
        self.no_better += as_good
        self.keeps += ended.kept
        self.false_keeps += ended.kept and as_good
        self.simpler_keeps += ended.kept and edit.simpler


def night(name: str, size: int, seed: str, *, world: str, walk: bool) -> Night:
    setting, around = SETTINGS[name], WORLDS[world]
    random, dice = Random(f"{seed}/{name}"), Random(f"{seed}/world")
    baseline = chances = around.suite(size, dice)
    first, second = (
        [dice.random() < chance for chance in baseline for _ in range(setting.attempts)]
        for _ in range(2)
    )
    noise = Noise(
        pairs=len(first), differing=sum(a != b for a, b in zip(first, second, strict=True))
    )
    kind = ByBlocks if setting.rule == "posterior" else ByPasses
    gate = kind(setting, [str(n) for n in range(size)], first, second)
    stream, limit = around.edits(size, Random(f"{seed}/edits")), CANDIDATES * size
    start = true = fsum(baseline)
    counted = Tallied()
    fifty: dict[str, Any] = {}
    paid: tuple[float, int] | None = None
    for done in itertools.count():
        gain = points(true - start, size)
        if done == CANDIDATES:
            fifty = {"claimed": points(gate.passed - sum(first), len(first)), **vars(counted)}
            fifty |= certified(baseline, chances, setting.attempts, random)
        if fifty and paid:
            break
        edit = next(stream)
        candidate = edit.apply(chances)
        shift = swing(around, counted.trials / limit)
        own, rival = drifted(candidate, shift), drifted(chances, shift)
        ended = gate.judge(own, rival, random, simpler=edit.simpler, walk=walk)
        used = ended.in_flight if around.in_flight else ended.trials
        spent = counted.in_flight if around.in_flight else counted.trials
        if paid is None and spent + used > limit:
            paid = (gain, done)
        after = fsum(candidate)
        counted.take(ended, edit, as_good=not edit.simpler and after <= true)
        if ended.kept:
            chances, true = candidate, after
    assert paid is not None
    only_trials, afforded = paid
    return Night(
        **fifty,
        walked=CANDIDATES if walk and kind is ByPasses else 0,
        noise=noise,
        same_trials=only_trials if afforded < CANDIDATES else fifty["gain"],
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


def certified(before: Chances, after: Chances, attempts: int, random: Random) -> dict[str, Any]:
    """What the night is worth, and what its certificate says of that by either interval."""
    draw, trials = random.random, range(CERTIFY_PASSES * attempts)
    pairs = {
        str(task): [(draw() < was, draw() < now) for _ in trials]
        for task, (was, now) in enumerate(zip(before, after, strict=True))
    }
    true = (fsum(after) - fsum(before)) / len(before)
    these, like = effect(pairs, "these_tasks"), effect(pairs)
    assert these is not None and like is not None

    def holds(found: Effect) -> bool:
        return found.low - 1e-9 <= true <= found.high + 1e-9

    return {
        "gain": 100 * true,
        "certified": 100 * these.difference,
        "covered": holds(these),
        "width": 50 * (these.high - these.low),
        "covered_like": holds(like),
        "width_like": 50 * (like.high - like.low),
    }
