"""Pruning: stop once nothing that is left can make a keep, and come to that point early.

The stop is exact: it is taken only where every outcome of the remaining trials gives the same
verdict. The order of the tasks decides when that point comes and never what the verdict is.
"""

from collections.abc import Iterable, Mapping, Sequence

from autoagent.gate.passes import Count, beats

TaskScores = Mapping[str, float | None]
Sums = Mapping[str, tuple[float, float]]
"""By task, the sum of the scores of some harnesses, and of how many it is."""

OWN_WEIGHT = 2.0
"""How many other harnesses' results the incumbent's own is worth. From 1 to 4 it hardly matters:
in simulation pruning saves within one point of the best."""


def out_of_reach(count: Count, needed: int, *, simpler: bool) -> bool:
    """Whether the candidate falls short of `needed` even if every trial that is left passes."""
    return not beats(count.passed + count.left, needed, simpler=simpler)


def summed(sums: Sums, scores: TaskScores, weight: float = 1.0) -> Sums:
    """The sums with one harness more; a task that was not measured adds nothing."""
    found = dict(sums)
    for task, score in scores.items():
        if score is not None:
            total, count = found.get(task, (0.0, 0.0))
            found[task] = total + weight * score, count + weight
    return found


def sums_of(others: Iterable[TaskScores]) -> Sums:
    """The sums of several harnesses."""
    found: Sums = {}
    for scores in others:
        found = summed(found, scores)
    return found


def hardest_first(
    tasks: Sequence[str], incumbent: TaskScores, others: Sums | None = None
) -> tuple[str, ...]:
    """Order tasks by how often they were passed so far, the rarest first.

    A candidate is expected to fail where its incumbent failed, and after that where others
    did. Unmeasured counts as one half; equals keep their order.

    Args:
        tasks: The names, in the suite's order.
        incumbent: The incumbent's task scores, in 0..1.
        others: The sums of other harnesses measured in this climb.
    """
    sums = summed(others or {}, incumbent, OWN_WEIGHT)

    def rate(task: str) -> float:
        passed, known = sums.get(task, (0.0, 0.0))
        return (0.5 + passed) / (1.0 + known)

    return tuple(sorted(tasks, key=rate))
