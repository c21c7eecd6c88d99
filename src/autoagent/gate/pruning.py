"""Pruning: stop once nothing that is left can make a keep, and come to that point early.

The stop is exact: it is taken only where every outcome of the remaining trials gives the same
verdict. The order of the tasks decides when that point comes and never what the verdict is.
"""

from collections.abc import Mapping, Sequence

from autoagent.gate.passes import Count, beats

TaskScores = Mapping[str, float | None]

OWN_WEIGHT = 2.0
"""How many other harnesses' results the incumbent's own is worth. From 1 to 4 it hardly matters:
in simulation pruning saves within one point of the best."""


def out_of_reach(count: Count, needed: int, *, simpler: bool) -> bool:
    """Whether the candidate falls short of `needed` even if every trial that is left passes."""
    return not beats(count.passed + count.left, needed, simpler=simpler)


def hardest_first(
    tasks: Sequence[str], incumbent: TaskScores, others: Sequence[TaskScores] = ()
) -> tuple[str, ...]:
    """Order tasks by how often they were passed so far, the rarest first.

    A candidate is expected to fail where its incumbent failed, and after that where others
    did. Unmeasured counts as one half; equals keep their order.

    Args:
        tasks: The names, in the suite's order.
        incumbent: The incumbent's task scores, in 0..1.
        others: Those of other harnesses measured in this climb.
    """
    passed, known = dict.fromkeys(tasks, 0.5), dict.fromkeys(tasks, 1.0)
    for weight, scores in ((OWN_WEIGHT, incumbent), *((1.0, scores) for scores in others)):
        for task, score in scores.items():
            if score is not None and task in known:
                passed[task] += weight * score
                known[task] += weight
    return tuple(sorted(tasks, key=lambda task: passed[task] / known[task]))
