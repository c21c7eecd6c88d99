"""What is known before a candidate is measured: the incumbent's trials so far, and a prior.

The incumbent's pool holds every trial of its own in this climb: the baseline's two passes, and what
later contests measured of it afresh. A kept candidate takes its own trials along, and its
predecessor's with the weight 1 - w, w being the chance that the task was changed: evidence of
an unchanged task is evidence still. Where all tasks seem to have shifted it is moved by as much,
or every edit after a good one would look good beside a pool from before it.

The prior is what the night itself tells, drawn to a safe default: how much chances differ from task
to task from the baseline's two passes, how many tasks an edit changes from the edits so far.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from autoagent.gate.rules.blocks import CERTAIN, Blocks
from autoagent.gate.rules.posterior import NOTHING, Tally
from autoagent.records import Prior, Running, Trial

SHARES = (0.01, 0.05, 0.2)
"""Shares of the tasks that an edit may change."""
WEIGHTS = (0.28, 0.28, 0.14, 0.3)
"""How likely each is before any edit was seen; the last is that all tasks shift a little."""
SHIFT_SPREAD = 0.3
"""How far such a shift moves log-odds: 0.3 takes a chance of 50 % to 57 %."""
USUAL = 0.5
"""Both parameters of a chance's Beta distribution, by default: most tasks are near 0 or 1."""
USUAL_TASKS = 4.0
"""How many tasks of the default kind are added to those that were seen twice."""
USUAL_EDITS = 20.0
"""How many edits of the default kind are added to those that were seen."""
PRICE, PRICE_WITHOUT_LUCK = 0.003, 0.006
"""What a trial has to bring, in tasks, where luck was seen and where hardly any was (`price`)."""
LEAST, MOST = 0.05, 30.0
"""Between these the sum of the Beta's parameters stays, whatever two passes say."""


class Past(NamedTuple):
    """An evaluation of this climb that was decided, with its trials and whether it was kept."""

    running: Running
    trials: tuple[Trial, ...]
    kept: bool


class Known(NamedTuple):
    """The incumbent's tallies, and the prior."""

    pool: Mapping[str, Tally]
    prior: Prior


def known(past: Iterable[Past], *, priced: bool = True) -> Known:
    """What a climb's evaluations so far say, in their order; the first is the baseline.

    Args:
        past: The evaluations that were decided.
        priced: Whether a climb without a contest so far is to ask for the price of trials.
    """
    pool: Mapping[str, Tally] = {}
    cases, (a, b) = [USUAL_EDITS * weight for weight in WEIGHTS], (USUAL, USUAL)
    for running, trials, kept in past:
        contest = running.contest
        if running.kind == "baseline":
            pool = tallies(trials)
            a, b = shape(pool.values())
        elif contest is not None and contest.prior is not None:
            priced = contest.prior.price is not None
            agenda = Blocks(running, contest)
            for trial in trials:
                agenda.note(trial)
            seen = agenda.seen
            pool = seen.incumbent
            if seen.candidate:
                cases = [old + new for old, new in zip(cases, seen.belief.cases, strict=True)]
            if kept:
                shift = seen.belief.shift if priced else 0.0
                pool = inherited(seen.candidate, pool, seen.belief.chances, (a, b), shift)
    return Known(pool, prior_of(a, b, cases, priced=priced))


def inherited(
    candidate: Mapping[str, Tally],
    pool: Mapping[str, Tally],
    changed: Mapping[str, float],
    shape: tuple[float, float] = (USUAL, USUAL),
    shift: float = 0.0,
) -> dict[str, Tally]:
    """The pool of a candidate that was kept: these tasks changed, the log-odds of all shifted."""
    known = {task: _shifted(pool.get(task, NOTHING), shape, shift) for task in candidate}
    return {
        task: (
            round(passed + (1 - changed[task]) * known[task][0], 2),
            round(measured + (1 - changed[task]) * known[task][1], 2),
        )
        for task, (passed, measured) in candidate.items()
    }


def _shifted(tally: Tally, shape: tuple[float, float], shift: float) -> Tally:
    """What a task would have shown if its log-odds had been so much higher, to first order."""
    (passed, measured), (a, b) = tally, shape
    mean = (a + passed) / (a + b + measured)
    moved = passed + shift * measured * mean * (1 - mean)
    return min(measured, max(0.0, moved)), measured


def tallies(trials: Iterable[Trial]) -> dict[str, Tally]:
    """Trials passed and measured, task by task; of a slot the first that measured something."""
    first: dict[tuple[str, int], bool] = {}
    for trial in trials:
        if trial.outcome != "void":
            first.setdefault((trial.task, trial.attempt), trial.outcome == "passed")
    found: dict[str, Tally] = {}
    for (task, _), passed in first.items():
        before = found.get(task, NOTHING)
        found[task] = (before[0] + passed, before[1] + 1)
    return found


def shape(pool: Iterable[Tally]) -> tuple[float, float]:
    """The Beta of the tasks' chances, by the moments of how often two trials of a task differ.

    Of Beta(a, b) two trials differ with probability 2·ab / ((a + b)·(a + b + 1)), which is
    2·m·(1 - m) · t/(t + 1) with the mean m and t = a + b.
    """
    known = [tally for tally in pool if tally[1] > 1]
    usual_differing = USUAL_TASKS * USUAL / (2 * USUAL + 1)
    differing = usual_differing + sum(2 * s * (n - s) / (n * (n - 1)) for s, n in known)
    tasks = USUAL_TASKS + len(known)
    mean = (USUAL_TASKS / 2 + sum(s / n for s, n in known)) / tasks
    part = differing / tasks / (2 * mean * (1 - mean))
    total = min(MOST, max(LEAST, part / (1 - part))) if part < 1 else MOST
    return round(mean * total, 3), round((1 - mean) * total, 3)


def prior_of(a: float, b: float, cases: list[float], *, priced: bool = True) -> Prior:
    """The prior with these chances of tasks, and cases of edits as often as they were seen."""
    price = PRICE_WITHOUT_LUCK if a + b < CERTAIN else PRICE
    weights = [round(seen / sum(cases), 4) for seen in cases]
    return Prior(
        a=a,
        b=b,
        shares=tuple(zip(SHARES, weights, strict=False)),
        shift_weight=weights[-1],
        shift_spread=SHIFT_SPREAD,
        price=price if priced else None,
    )
