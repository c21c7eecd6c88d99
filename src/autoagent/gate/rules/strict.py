"""The strict gate, which is the upstream's rule: one pass, and the incumbent's stored one.

passed more                        keep
passed as many, and is simpler     keep
anything else                      discard

It guarantees nothing about the truth: of many candidates that are all as good as the incumbent
the luckiest is kept, and then the next that is luckier still. What its best score says is
inflated by that, which is why a climb's result is certified afresh (docs/gates.md).
"""

from collections.abc import Sequence

from autoagent.gate.passes import ContestState, Count
from autoagent.gate.pruning import out_of_reach
from autoagent.records import Contest


def answer(contest: Contest, seen: Sequence[Count]) -> ContestState:
    """Whether the first pass beats the incumbent's stored one, still may, or cannot (rule R5)."""
    first = seen[0]
    if out_of_reach(first, contest.stored, simpler=contest.simpler):
        return "lost"
    return "won" if first.complete else "open"
