"""What a climb is worth: a paired difference between two harnesses, freshly measured.

The difference is the mean over tasks of (rate of one side - rate of the other), each task with the
same weight, from pairs of the same attempt at the same task. Its interval speaks of either of two
things.

*These tasks*, run again: the suite that was climbed, and what each kept edit did there. Only the
luck of trials counts. A trial of a task with chance p has the variance p·(1 - p), of which
s·f/(r·(r - 1)) is an unbiased estimate when s of r trials passed and f failed. It is pooled over
tasks and sides, because r is small, with a few tallies of the usual suite (1/8, the mean of
p·(1 - p) under Beta(1/2, 1/2)), so that a suite on which every task agrees has some width still.

*Tasks like these*: the holdout, by which others are meant. Tasks are the independent units:
attempts at one task are a cluster, whose mean is one value (Miller 2024, "Adding Error Bars to
Evals", arXiv:2411.00640, sections 2.2 and 4.2). Two pseudo-tasks, one won and one lost outright,
are added before the variance is taken, as Bonett and Price (2012, Journal of Educational and
Behavioral Statistics 37:479) do for matched pairs. Without them, as in a t interval, there is no
width at all where every task agrees, and too little where few differ: of suites nearly without
noise a t interval covers 56 % with six tasks and 85 % with 20, this one 99 % or more. The half
pairs of Agresti and Min (2005) are not enough where all differences go one way, as a kept
edit's do. With one attempt at each task nothing tells luck from difference, and the interval is
this one.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum, sqrt

from autoagent.gate.noise import NORMAL_95
from autoagent.records import About, Certificate, Effect, Running, Standing, Trial

BASELINE = "baseline"
"""The side that a certification holds the champion against; the champion's own is ""."""
WITHOUT = "without-"
"""Begins the name of a side that is the champion without one kept edit; its commit ends it."""

USUAL_LUCK = 1 / 8
"""The variance of a trial in a suite whose tasks are Beta(1/2, 1/2)."""
USUAL_TALLIES = 4
"""How many tallies of that kind are added to those of a certification."""

Pair = tuple[bool, bool]
"""Whether the same attempt passed before and after."""


def certificate(
    running: Running,
    trials: Sequence[Trial],
    held_out: Sequence[Trial],
    champion: Standing,
    baseline_passed: int,
    about: About = "these_tasks",
) -> Certificate | None:
    """What a certification found, or None where it measured no pair.

    Args:
        running: The certification of the tasks that the search knew.
        trials: Its trials, of all sides.
        held_out: The trials of the tasks that the search did not know.
        champion: The last incumbent, as the search measured it.
        baseline_passed: What the search measured of the baseline.
        about: What the intervals speak of; certificates of old speak of tasks like these.
    """
    found = effect(pairs_of(trials, BASELINE, ""), about)
    if found is None:
        return None
    (baseline,) = (side.candidate for side in running.against if side.name == BASELINE)
    ablated = [side.name for side in running.against if side.name.startswith(WITHOUT)]
    left_out = {
        name.removeprefix(WITHOUT): effect(pairs_of(trials, name, ""), about) for name in ablated
    }
    return Certificate(
        baseline=baseline,
        champion=running.candidate,
        passes=running.passes,
        effect=found,
        holdout=effect(pairs_of(held_out, BASELINE, "")),
        optimistic=(champion.score.passed - baseline_passed) / champion.score.expected,
        void=len(running.tasks) * running.attempts * running.passes - found.pairs,
        left_out={name: told for name, told in left_out.items() if told is not None},
        about=about,
        stand_in=any(trial.stand_in for trial in (*trials, *held_out)),
    )


def pairs_of(trials: Iterable[Trial], before: str, after: str) -> dict[str, list[Pair]]:
    """Line up two sides of an evaluation, task by task and attempt by attempt.

    A pair exists only where both sides measured the same attempt of the same task. A void trial
    drops its pair; it is never a 0.
    """
    passed: dict[tuple[str, str, int], bool] = {}
    for trial in trials:
        if trial.outcome != "void":
            slot = (trial.side, trial.task, trial.attempt)
            passed.setdefault(slot, trial.outcome == "passed")
    found: dict[str, list[Pair]] = {}
    for side, task, attempt in sorted(passed):
        if side == after and (before, task, attempt) in passed:
            pair = (passed[before, task, attempt], passed[after, task, attempt])
            found.setdefault(task, []).append(pair)
    return found


def effect(pairs: Mapping[str, list[Pair]], about: About = "tasks_like_these") -> Effect | None:
    """The difference and its 95 % interval, or None where nothing was paired."""
    tasks = [paired for paired in pairs.values() if paired]
    if not tasks:
        return None
    before = fsum(sum(b for b, _ in paired) / len(paired) for paired in tasks) / len(tasks)
    after = fsum(sum(a for _, a in paired) / len(paired) for paired in tasks) / len(tasks)
    differences = [sum(a - b for b, a in paired) / len(paired) for paired in tasks]
    again = about == "these_tasks" and any(len(paired) > 1 for paired in tasks)
    low, high = interval_again(tasks) if again else interval(differences)
    return Effect(
        tasks=len(tasks),
        pairs=sum(map(len, tasks)),
        before=before,
        after=after,
        difference=after - before,
        low=low,
        high=high,
    )


def interval(differences: list[float]) -> tuple[float, float]:
    """The 95 % interval of the mean of per-task differences, each in -1..1."""
    size = len(differences) + 2
    middle = fsum(differences) / size
    variance = (fsum(d * d for d in differences) + 2) / size - middle**2
    half = NORMAL_95 * sqrt(max(0.0, variance) / size)
    return max(-1.0, middle - half), min(1.0, middle + half)


def interval_again(tasks: Sequence[Sequence[Pair]]) -> tuple[float, float]:
    """The 95 % interval of the difference on these very tasks; some were paired twice or more."""
    middle = fsum(sum(a - b for b, a in paired) / len(paired) for paired in tasks) / len(tasks)
    lucks = [USUAL_LUCK] * USUAL_TALLIES
    for paired in tasks:
        if (tried := len(paired)) > 1:
            for passed in (sum(side) for side in zip(*paired, strict=True)):
                lucks.append(passed * (tried - passed) / (tried * (tried - 1)))
    variance = fsum(2 / len(paired) for paired in tasks) * fsum(lucks) / len(lucks)
    # Student's t with as many degrees of freedom as tallies, by the first term of its expansion.
    critical = NORMAL_95 + (NORMAL_95**3 + NORMAL_95) / (4 * len(lucks))
    half = critical * sqrt(variance) / len(tasks)
    return max(-1.0, middle - half), min(1.0, middle + half)
