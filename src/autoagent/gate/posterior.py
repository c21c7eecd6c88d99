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

A tally need not hold whole numbers: evidence that is carried over counts in part (`pool`).
Nothing here knows when to stop (`blocks`), or where the prior comes from (`prior`).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
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


class Belief(NamedTuple):
    """What is believed of a candidate: its gain in tasks, over all tasks that it was tried on."""

    gain: float
    variance: float
    tasks: Mapping[str, Change]
    cases: tuple[float, ...]
    """How likely each of the prior's cases is now: its shares, and last the shift."""

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
    gained: float
    variance: float
    surplus: float
    """s - n·m"""
    slope: float
    """n·m·(1 - m)"""
    luck: float
    steepness: float
    """m·(1 - m)"""


class _Case(NamedTuple):
    """One way in which the edit may act: its likelihood, and what it then gains."""

    log_likely: float
    gain: float
    variance: float


def believe(prior: Prior, incumbent: Mapping[str, Tally], candidate: Mapping[str, Tally]) -> Belief:
    """Hold a candidate's tallies against the incumbent's, task by task.

    A task that the candidate was not tried on says nothing and is left out.
    """
    names = [task for task, tally in candidate.items() if tally[1]]
    odds = [
        _odds(prior.a, prior.b, incumbent.get(task, NOTHING), candidate[task]) for task in names
    ]
    changed = [[c * o.ratio / (c * o.ratio + 1 - c) for o in odds] for c, _ in prior.shares]
    cases = [
        _share(share, weight, odds, chances)
        for (share, weight), chances in zip(prior.shares, changed, strict=True)
    ]
    if prior.shift_weight:
        cases.append(_shift(prior, odds))
    best = max(case.log_likely for case in cases)
    likely = [exp(case.log_likely - best) for case in cases]
    weights = [value / fsum(likely) for value in likely]
    gain = fsum(w * case.gain for w, case in zip(weights, cases, strict=True))
    spread = (w * (c.variance + (c.gain - gain) ** 2) for w, c in zip(weights, cases, strict=True))
    by_task = zip(*changed, strict=True)
    mixed = [sum(w * c for w, c in zip(weights, column, strict=False)) for column in by_task]
    tasks = {
        name: Change(w, w * o.gained, w * (o.variance + o.gained**2) - (w * o.gained) ** 2)
        for name, o, w in zip(names, odds, mixed, strict=True)
    }
    return Belief(gain, fsum(spread), tasks, tuple(weights))


def _share(share: float, weight: float, odds: Sequence[_Odds], chances: Sequence[float]) -> _Case:
    """The edit changes this share of the tasks."""
    gains = [w * o.gained for w, o in zip(chances, odds, strict=True)]
    return _Case(
        log(weight) + fsum(log(share * o.ratio + 1 - share) for o in odds),
        fsum(gains),
        fsum(
            w * (o.variance + o.gained**2) - mean**2
            for w, o, mean in zip(chances, odds, gains, strict=True)
        ),
    )


def _shift(prior: Prior, odds: Sequence[_Odds]) -> _Case:
    """The edit shifts the log-odds of every task by as much."""
    slope, luck = fsum(o.slope for o in odds), fsum(o.luck for o in odds)
    if not luck:
        return _Case(log(prior.shift_weight), 0.0, 0.0)
    steepness, wide = fsum(o.steepness for o in odds), prior.shift_spread**2
    pull = fsum(o.surplus for o in odds) * slope / luck
    informed = 1 + wide * slope**2 / luck
    likely = pull**2 * wide / (2 * informed) - log(informed) / 2
    mean, variance = wide * pull / informed, wide / informed
    return _Case(log(prior.shift_weight) + likely, mean * steepness, variance * steepness**2)


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
        gained=now - was,
        variance=variance + other,
        surplus=new - out_of * was,
        slope=out_of * steepness,
        luck=out_of * steepness * (a + b + of + out_of) / (a + b + of + 1),
        steepness=steepness,
    )


def _mean(a: float, b: float) -> tuple[float, float]:
    """Mean and variance of Beta(a, b)."""
    mean = a / (a + b)
    return mean, mean * (1 - mean) / (a + b + 1)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
