"""The confirm gate: what strict would keep has to win again, in fresh passes of both sides.

Guarantee: a candidate that is not simpler and truly no better than its incumbent is kept with a
probability of at most 1/2 in each pass, so at most 1/4 with two passes and 1/8 with three.

    "No better" means that its expected number of passed trials is not larger, however the
    chances differ from task to task. Why 1/2: let A and B be the numbers of trials that
    candidate and incumbent pass, N each. A + (N - B) is a sum of 2N independent Bernoulli
    variables; where both expect the same its mean is the integer N, which is then its median
    (Jogdeo and Samuels 1968, Annals of Mathematical Statistics 39:1191), so P(A > B) <= 1/2,
    and a candidate that expects less has less. Why the product: no pass is used twice for
    one candidate. The first is held against the incumbent's stored pass, the last one it
    won or, for a baseline, the one it was measured by. Winning it and then surviving
    challengers with it can only make it higher than a fresh one.

The stored pass is shared by all of an incumbent's challengers. So the first 1/2 is an average over
that pass, and holds for a candidate that was not chosen for how unlucky that pass had been; the
1/2 of every fresh pass holds whatever was seen before. A tie counts for the simpler side in every
pass, by rule R5, and no bound is claimed for that: a simpler harness that is as good is
meant to be kept.
"""

from collections.abc import Sequence

from autoagent.gate.passes import ContestState, Count
from autoagent.gate.pruning import out_of_reach
from autoagent.gate.rules import strict
from autoagent.records import Contest


def answer(contest: Contest, seen: Sequence[Count]) -> ContestState:
    """Whether the candidate won every pass, can still do so, or cannot."""
    first = strict.answer(contest, seen)
    if first != "won":
        return first
    for count in seen[1:]:
        if out_of_reach(count, count.rival_passed, simpler=contest.simpler):
            return "lost"
        if not count.complete:
            return "open"
    return "won" if len(seen) == contest.passes else "open"
