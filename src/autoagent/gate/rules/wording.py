"""What the posterior gate believes, in words.

"it fixed 2 tasks that never passed and may have broken a task that passed 2 of 3 times: expected
+1.4 tasks, a gain in 97 of 100 cases"
"""

from collections import Counter

from autoagent.gate.rules.blocks import Seen
from autoagent.gate.rules.posterior import NOTHING, Tally
from autoagent.records import Contest

SURE, MAYBE = 0.5, 0.15
"""From this chance of a change on a task is said to be changed, or that it may be."""
VERBS = ("fixed", "broke", "may have fixed", "may have broken")
KINDS = 2
"""So many kinds of tasks are told apart of those that an edit fixed, or broke."""


def believed(contest: Contest, seen: Seen) -> str:
    """What changed, and what that is worth: a sentence without its end."""
    belief = seen.belief
    groups: dict[str, Counter[str]] = {verb: Counter() for verb in VERBS}
    for task, change in belief.tasks.items():
        up, down = VERBS[:2] if change.chance >= SURE else VERBS[2:]
        if change.chance >= MAYBE and seen.candidate[task][1]:
            groups[up if change.gain > 0 else down][_kind(contest.pool.get(task, NOTHING))] += 1
    told = [f"{verb} {_tasks(kinds)}" for verb, kinds in groups.items() if kinds]
    what = f"it {' and '.join(told)}" if told else "no single task stands out"
    worth = f"expected {belief.gain:+.1f} tasks, a gain in {100 * belief.above(0):.0f} of 100 cases"
    if contest.bounded:
        worth += f", evidence {seen.evidence:.1f} of {1 / contest.alpha:.1f}"
    return f"{what}: {worth}"


def _kind(tally: Tally) -> str:
    """How the incumbent did at a task; a pool may hold parts of trials."""
    passed, measured = round(tally[0]), max(1, round(tally[1]))
    if not passed:
        return "never passed"
    return "always passed" if passed >= measured else f"passed {passed} of {measured} times"


def _tasks(kinds: Counter[str]) -> str:
    """How many tasks of which kind, the most frequent kinds first."""
    told = [
        f"{'a task' if count == 1 else f'{count} tasks'} that {kind}"
        for kind, count in kinds.most_common(KINDS)
    ]
    more = kinds.total() - sum(count for _, count in kinds.most_common(KINDS))
    return ", ".join([*told, f"{more} more"] if more else told)
