"""When more trials are not worth their price: the stops of the posterior gate.

A trial that is spent on this candidate is not spent on the next one. What it has to bring for that
is the price of a trial, in tasks gained (`Prior.price`): about what trials bring in a night.

A candidate believed to gain g is worth max(g, 0), because it need not be kept. Trials that are
to reduce the variance of g by r move its mean to g' ~ Normal(g, r), so what they are worth is

    E[max(g', 0)] - max(g, 0) = √r · (φ(z) - z·Φ(-z)),    z = |g| / √r.

What each trial tells is in the belief (`posterior`). Sorted by it, the best number of further
trials is that at which their worth exceeds their price by most; where none does, the answer
is given. In the first pass, which no keep may leave out (rule R4), the candidate is lost where all
that it can be expected to be worth is less than the price of the rest of it. The normal does not
know that it can fall short of the best end, so that is asked as well: passing all that is left.
"""

from collections.abc import Collection
from math import erfc, exp, pi, sqrt
from typing import NamedTuple

from autoagent.gate.passes import ContestState
from autoagent.gate.rules.posterior import Belief
from autoagent.records import Contest

KEEP = 0.1
"""The expected gain, in tasks, that a keep takes. With none at all a night keeps more that are
equal, and where edits tend to do harm, more that are worse; with more it misses small gains."""
LEEWAY, SURE = 0.2, 0.95
"""A simpler harness is kept too where it loses less than the first with the second's probability:
it is as good (rule R5). Little is shown to be as good where luck is great; then few ties are kept,
because what looks equal is a little worse on average."""


class More(NamedTuple):
    """The best number of further trials, and what they are worth beyond their price."""

    trials: int
    profit: float


def worth(gain: float, told: float) -> float:
    """What it is worth to learn so much of this expected gain."""
    if told <= 0:
        return 0.0
    spread = sqrt(told)
    z = abs(gain) / spread
    return spread * (exp(-z * z / 2) / sqrt(2 * pi) - z * erfc(z / sqrt(2)) / 2)


def more(belief: Belief, price: float) -> More:
    """How many trials to go on for, of either side and up to one a task."""
    tells = sorted((told for c in belief.tasks.values() for told in c.tells), reverse=True)
    tells = tells[: len(belief.tasks)]
    each = belief.common / max(1, len(tells))
    best, sum_told = More(0, 0.0), 0.0
    if worth(belief.gain, sum(tells) + belief.common) <= price:
        return best
    for number, told in enumerate(tells, 1):
        sum_told += told + each
        profit = worth(belief.gain, sum_told) - price * number
        if profit > best.profit:
            best = More(number, profit)
    return best


def hopeless(
    contest: Contest, belief: Belief, best_end: Belief, left: Collection[str], attempts: int
) -> bool:
    """Whether the rest of the first pass costs more than a candidate can be expected to be worth.

    Args:
        contest: What is to be achieved.
        belief: What is believed now, of every task of the suite.
        best_end: What would be if all that is left of the pass passed.
        left: The tasks that were not tried yet.
        attempts: Trials of each in a pass.
    """
    price = contest.prior.price if contest.prior else None
    assert price is not None, "this rule asks for the price of a trial"
    if as_good(contest, best_end):
        return False
    cost = price * len(left) * attempts
    changes = [belief.tasks[task] for task in left]
    told = sum(min(attempts * change.tells[0], change.variance) for change in changes)
    told += belief.common * len(left) / len(belief.tasks)
    if max(0.0, belief.gain) + worth(belief.gain, told) < cost:
        return True
    return max(0.0, best_end.gain) + more(best_end, price).profit <= cost


def answer(contest: Contest, belief: Belief, *, enough: bool, last: bool) -> ContestState:
    """What the gate says once the first pass is whole.

    Args:
        contest: What is to be achieved.
        belief: What is believed now.
        enough: Whether false keeps are bounded as far as was asked for.
        last: Whether no trial is left.
    """
    price = contest.prior.price if contest.prior else None
    assert price is not None, "this rule asks for the price of a trial"
    if as_good(contest, belief):
        return "won"
    if not last and more(belief, price).trials:
        return "open"
    if belief.gain < KEEP:
        return "lost"
    if enough:
        return "won"
    return "lost" if last else "open"


def as_good(contest: Contest, belief: Belief) -> bool:
    """Whether the candidate is simpler and surely as good."""
    return contest.simpler and belief.above(-LEEWAY) >= SURE
