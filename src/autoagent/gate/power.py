"""How small a gain a night can tell from luck, before anything was measured.

A certificate on N tasks, each harness tried r times, has a variance of (2·l/r) / N on these very
tasks, where l is the luck of a usual trial (`certificate`). About tasks like these it is
(g·(1 - g) + 2·l/r) / N for a gain of g, because each task either gained or did not. A gain is
found in 4 of 5 nights where it is 2.8 standard errors.
"""

from math import ceil, sqrt

from autoagent.gate.certificate import USUAL_LUCK
from autoagent.gate.noise import NORMAL_95

ERRORS = NORMAL_95 + 0.841621
"""A 95 % interval that leaves 0 out with a chance of 80 %."""


def smallest_gain(tasks: int, tries: int, *, like_these: bool = False) -> float:
    """The smallest gain that is told from luck in 4 of 5 nights, as a share of the tasks.

    Args:
        tasks: How many there are; over 0.
        tries: Trials of each harness at each task in a certification; over 0.
        like_these: About tasks like these, not these very tasks.
    """
    luck = 2 * USUAL_LUCK / tries
    squared = ERRORS**2 / tasks
    if not like_these:
        return min(1.0, sqrt(squared * luck))
    # the positive root of g² = squared · (g·(1 - g) + luck)
    return min(
        1.0, (squared + sqrt(squared**2 + 4 * (1 + squared) * squared * luck)) / (2 + 2 * squared)
    )


def tasks_for(gain: float, tries: int) -> int:
    """How many tasks tell a gain (over 0, up to 1) on these very tasks from luck, as often."""
    return ceil(ERRORS**2 * 2 * USUAL_LUCK / tries / gain**2)
