"""Passes over the suite: what a gate sees of an evaluation, as counts.

Pass k is every task's attempts (k-1)·attempts + 1 to k·attempts, once. In a contest the first
pass is the candidate's alone; from the second on the incumbent runs the same tasks beside
it, so that both sides are measured afresh and under the same conditions.
"""

from typing import Literal, NamedTuple

ContestState = Literal["open", "won", "lost"]
"""What a gate says of the passes so far. `lost` is said as soon as nothing can change it."""


class Count(NamedTuple):
    """One pass so far: trials of the candidate, of the incumbent beside it, and their pairs.

    A pair is the same task and attempt, measured on both sides: `wins` are those that only
    the candidate passed, `losses` those that only the incumbent did. A void or missing trial
    is `left`, whatever becomes of it; it is never a failure.
    """

    passed: int
    left: int
    rival_passed: int = 0
    rival_left: int = 0
    wins: int = 0
    losses: int = 0

    @property
    def complete(self) -> bool:
        """Whether every trial of both sides was measured."""
        return not self.left and not self.rival_left


def beats(passed: int, other: int, *, simpler: bool) -> bool:
    """More passed, or as many and simpler: the one comparison of rule R5."""
    return passed > other or (simpler and passed == other)
