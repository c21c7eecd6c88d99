"""How much better a candidate is, believed task by task.

Most tasks are nearly always or nearly never passed, and most edits touch few of them. The sum of
passes does not see that; task by task it is plain. Of a task the incumbent passed S of N trials,
the candidate s of n, and one of two things is true:

    unchanged   both have one chance p, and p ~ Beta(a, b)
    changed     each has a chance of its own, and both are Beta(a, b)

Beta is conjugate to coin tosses, so how likely the trials are is a closed form each time, with
B the Beta function:

    unchanged   M0 = B(a + S + s, b + (N - S) + (n - s)) / B(a, b)
    changed     M1 = B(a + S, b + N - S) / B(a, b) · B(a + s, b + n - s) / B(a, b)

If a share c of the tasks is changed, this one is with probability w = c·M1 / (c·M1 + (1 - c)·M0),
and it then gained d = (a + s)/(a + b + n) - (a + S)/(a + b + N) on average, with the variance v
of two Beta posteriors. The gain of the task has the mean w·d and the variance
w·(v + d²) - (w·d)²; that of the suite is their sum, because tasks are independent given c. An
unchanged task gained nothing: a coin flip says hardly anything, a task that had never been passed
says much. How many tasks an edit touches differs from edit to edit, so c is itself believed: one
of a few shares, each as likely as its weight times the product over tasks of c·M1 + (1 - c)·M0.

An edit may also do a little to every task, which no single task shows. That is one more
possibility: the log-odds of all tasks shift by t, with t ~ Normal(0, r²). With the predicted chance
m = (a + S)/(a + b + N) of each task, U = Σ (s - n·m) is then about Normal(t·K, J), where
K = Σ n·m·(1 - m) is the slope and J, the sum of beta-binomial variances
n·m·(1 - m)·(a + b + N + n)/(a + b + N + 1), is how far luck moves U. So with h = U·K/J and
q = 1 + r²·K²/J the shift is exp(h²·r²/2q)/√q times as likely as no change at all, its mean is
r²·h/q with the variance r²/q, and it gains Σ m·(1 - m) tasks for each unit.

A trial to come tells of a task what its outcome X and the gain g have in common: X is 0 or 1, so
E[g | X] is linear in X, and its variance is exactly Cov(X, g)² / Var(X). Let p have mean m and
variance v, p' have m' and v' if the task changed, and let both be k on average if it did not. Then

    the candidate's next    X has the mean x = w·m' + (1 - w)·k, Cov(X, g) = w·(v' + d·(m' - x))
    the incumbent's next    Y has the mean y = w·m + (1 - w)·k, Cov(Y, g) = w·(d·(m - y) - v)

One trial more at each task adds Σ m·(1 - m) to K and to J: of the shift it tells by how much
r²/q falls. What it tells of which case is true is taken to be all of the variance between them.

A tally need not hold whole numbers: evidence that is carried over counts in part (`pool`).
Nothing here knows when to stop (`blocks`), or where the prior comes from (`pool`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from math import erf, exp, fsum, lgamma, log, sqrt
from typing import NamedTuple

from autoagent.records import Prior

Tally = tuple[float, float]
"""Trials passed, and trials measured."""
NOTHING: Tally = (0.0, 0.0)


class Change(NamedTuple):
    """What is believed of one task: the chance that it changed, and the gain, in tasks."""

    chance: float
    gain: float
    variance: float
    tells: tuple[float, float]
    """By how much one trial more, of the candidate or the incumbent, is to reduce the variance."""


class Belief(NamedTuple):
    """What is believed of a candidate: its gain in tasks, over all tasks that it was tried on."""

    gain: float
    variance: float
    tasks: Mapping[str, Change]
    cases: tuple[float, ...]
    """How likely each of the prior's cases is now: its shares, and last the shift."""
    shift: float
    """The shift of all log-odds that is expected."""
    common: float
    """By how much one pass more is to reduce the variance that no single task accounts for."""

    @property
    def chances(self) -> dict[str, float]:
        """The chance of each task that it changed."""
        return {task: change.chance for task, change in self.tasks.items()}

    def above(self, gain: float) -> float:
        """The chance that the candidate gains more than that, by a normal approximation."""
        if self.variance <= 0:
            return float(self.gain > gain)
        return 0.5 * (1 + erf((self.gain - gain) / sqrt(2 * self.variance)))


class _Odds(NamedTuple):
    """One task: M1 / M0, what a change gained, and the terms of a shift of all tasks."""

    ratio: float
    was: float
    now: float
    same: float
    """m, m', and the mean of both where nothing changed."""
    was_variance: float
    now_variance: float
    surplus: float
    """s - n·m"""
    slope: float
    """n·m·(1 - m)"""
    luck: float
    steepness: float
    """m·(1 - m)"""
    gained: float
    variance: float

    def tells(self, chance: float) -> tuple[float, float]:
        """What the next trial of either side tells, where the task changed with this chance."""
        own = chance * self.now + (1 - chance) * self.same
        rival = chance * self.was + (1 - chance) * self.same
        there = chance * (self.now_variance + self.gained * (self.now - own))
        back = chance * (self.gained * (self.was - rival) - self.was_variance)
        return there**2 / (own * (1 - own)), back**2 / (rival * (1 - rival))


class _Case(NamedTuple):
    """One way in which the edit may act: its likelihood, and what it then gains."""

    log_likely: float
    gain: float
    variance: float
    shift: float = 0.0
    told: float = 0.0
    """By how much one pass more is to reduce a shift's part of the variance."""


def believe(prior: Prior, incumbent: Mapping[str, Tally], candidate: Mapping[str, Tally]) -> Belief:
    """Hold a candidate's tallies against the incumbent's, task by task.

    A task that was not tried says nothing, but may have changed; one that is left out may not.
    """
    sides = {task: (incumbent.get(task, NOTHING), tally) for task, tally in candidate.items()}
    kinds = Counter(sides.values())
    odds, counts = [_odds(prior.a, prior.b, *kind) for kind in kinds], tuple(kinds.values())
    changed = [[c * o.ratio / (c * o.ratio + 1 - c) for o in odds] for c, _ in prior.shares]
    cases = [
        _share(share, weight, odds, chances, counts)
        for (share, weight), chances in zip(prior.shares, changed, strict=True)
    ]
    if prior.shift_weight:
        cases.append(_shift(prior, odds, counts))
    best = max(case.log_likely for case in cases)
    likely = [exp(case.log_likely - best) for case in cases]
    weights = [value / fsum(likely) for value in likely]
    gain = fsum(w * case.gain for w, case in zip(weights, cases, strict=True))
    between = fsum(w * (c.gain - gain) ** 2 for w, c in zip(weights, cases, strict=True))
    within = fsum(w * c.variance for w, c in zip(weights, cases, strict=True))
    by_kind = zip(*changed, strict=True)
    mixed = [sum(w * c for w, c in zip(weights, column, strict=False)) for column in by_kind]
    changes = {
        kind: Change(
            w, w * o.gained, w * (o.variance + o.gained**2) - (w * o.gained) ** 2, o.tells(w)
        )
        for kind, o, w in zip(kinds, odds, mixed, strict=True)
    }
    tasks = {task: changes[kind] for task, kind in sides.items()}
    shift = fsum(w * case.shift for w, case in zip(weights, cases, strict=True))
    common = between + fsum(w * case.told for w, case in zip(weights, cases, strict=True))
    return Belief(gain, within + between, tasks, tuple(weights), shift, common)


def _total(values: Iterable[float], counts: Sequence[int]) -> float:
    """The sum over all tasks, of values that so many tasks have each."""
    return fsum(chain.from_iterable(map(repeat, values, counts)))


def _share(
    share: float,
    weight: float,
    odds: Sequence[_Odds],
    chances: Sequence[float],
    counts: Sequence[int],
) -> _Case:
    """The edit changes this share of the tasks."""
    gains = [w * o.gained for w, o in zip(chances, odds, strict=True)]
    return _Case(
        log(weight) + _total([log(share * o.ratio + 1 - share) for o in odds], counts),
        _total(gains, counts),
        _total(
            [
                w * (o.variance + o.gained**2) - mean**2
                for w, o, mean in zip(chances, odds, gains, strict=True)
            ],
            counts,
        ),
    )


def _shift(prior: Prior, odds: Sequence[_Odds], counts: Sequence[int]) -> _Case:
    """The edit shifts the log-odds of every task by as much."""
    slope = _total([o.slope for o in odds], counts)
    luck = _total([o.luck for o in odds], counts)
    if not luck:
        return _Case(log(prior.shift_weight), 0.0, 0.0)
    steepness, wide = _total([o.steepness for o in odds], counts), prior.shift_spread**2
    pull = _total([o.surplus for o in odds], counts) * slope / luck
    informed = 1 + wide * slope**2 / luck
    likely = pull**2 * wide / (2 * informed) - log(informed) / 2
    mean, variance = wide * pull / informed, wide / informed
    later = wide / (1 + wide * (slope + steepness) ** 2 / (luck + steepness))
    return _Case(
        log(prior.shift_weight) + likely,
        mean * steepness,
        variance * steepness**2,
        mean,
        max(0.0, variance - later) * steepness**2,
    )


@lru_cache(maxsize=1 << 16)
def _odds(a: float, b: float, before: Tally, after: Tally) -> _Odds:
    """How much likelier a change makes these trials than none, and what it then gained."""
    (old, of), (new, out_of) = before, after
    together = _log_beta(a + old + new, b + of - old + out_of - new)
    apart = _log_beta(a + old, b + of - old) + _log_beta(a + new, b + out_of - new)
    was, variance = _mean(a + old, b + of - old)
    now, other = _mean(a + new, b + out_of - new)
    steepness = was * (1 - was)
    return _Odds(
        ratio=exp(apart - _log_beta(a, b) - together),
        was=was,
        now=now,
        same=(a + old + new) / (a + b + of + out_of),
        was_variance=variance,
        now_variance=other,
        surplus=new - out_of * was,
        slope=out_of * steepness,
        luck=out_of * steepness * (a + b + of + out_of) / (a + b + of + 1),
        steepness=steepness,
        gained=now - was,
        variance=variance + other,
    )


def _mean(a: float, b: float) -> tuple[float, float]:
    """Mean and variance of Beta(a, b)."""
    mean = a / (a + b)
    return mean, mean * (1 - mean) / (a + b + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
