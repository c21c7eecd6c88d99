"""The stops of the posterior gate in climbs that began before a trial had a price.

Their journals are replayed by it, and a climb that goes on ends by the rule that it began with.
"""

from math import sqrt

from autoagent.gate.passes import ContestState
from autoagent.gate.rules.posterior import Belief
from autoagent.gate.rules.price import as_good
from autoagent.records import Contest

FUTILE = -0.1
KEEP = 0.25
LAST = 0.1
"""Expected gains, in tasks: below the first it is lost, from the second on it is kept; the last is
enough when the trials have run out."""
TOLD = 0.02
"""Where the gain of every task has less variance than that, more trials would tell little more."""
SIMPLER = 0.2
"""What a simpler harness has to gain."""


def hopeless(contest: Contest, belief: Belief, best_end: Belief) -> bool:
    """Whether a loss is expected, or even the best end of the first pass would not be enough."""
    return belief.gain < FUTILE or _out_of_reach(contest, best_end)


def answer(contest: Contest, belief: Belief, *, enough: bool, last: bool) -> ContestState:
    """What the gate says once the first pass is whole."""
    needed = SIMPLER if contest.simpler else KEEP
    if as_good(contest, belief) or (belief.gain >= needed and enough):
        return "won"
    if belief.gain < FUTILE or _out_of_reach(contest, belief):
        return "lost"
    if last or max(change.variance for change in belief.tasks.values()) < TOLD:
        return "won" if belief.gain >= LAST and enough else "lost"
    return "open"


def _out_of_reach(contest: Contest, belief: Belief) -> bool:
    """Whether what a keep takes is more than a standard deviation away."""
    needed = 0.0 if contest.simpler else KEEP
    return belief.gain + sqrt(belief.variance) < needed
