"""The anytime gate: fresh passes of both sides go on until the evidence suffices, or is not coming.

Guarantee: a candidate that is not simpler and truly no better than its incumbent is kept with a
probability of at most alpha, whatever was seen before and however many passes are run.

    The evidence W is the mean over a grid of bets b in (0, 1) of the product of (1 + b·D) over
    every pair of the fresh passes, D being 1 where only the candidate passed, -1 where only
    the incumbent did and else 0. Over one pass its expected growth is the product over pairs
    of (1 + b·E[D]), at most (1 + b·mean E[D]) to the power of their number by the inequality
    of arithmetic and geometric means, and so at most 1 where the candidate is no better:
    from pass to pass W is a supermartingale that starts at 1, and ever reaches 1/alpha with
    a probability of at most alpha (Ville 1939; Ramdas, Grünwald, Vovk and Shafer 2023,
    Statistical Science 38:576). In the middle of a pass that does not hold, because tasks
    differ and the hard ones come first: W keeps only at the end of one.

The first pass, the candidate's alone, only screens, and a pass that ends with the candidate not
ahead of the incumbent is the last one: both make keeps rarer, so the bound stands. A pass is
cut short where its best end would be lost too. A tie counts for the simpler side, by rule R5:
one that has stayed ahead or level until the passes run out is kept, without a bound.
"""

from collections.abc import Sequence
from math import fsum

from autoagent.gate.passes import ContestState, Count, beats
from autoagent.gate.rules import strict
from autoagent.records import Contest

MOST_PASSES = 4
"""Fresh passes after which the evidence is not coming."""
BETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75)
"""Small ones for large suites, where a better harness wins narrowly; large ones for small."""


def evidence(wins: int, losses: int) -> float:
    """W: how much more likely these pairs are under a bet on the candidate than under none."""
    return fsum((1 + bet) ** wins * (1 - bet) ** losses for bet in BETS) / len(BETS)


def answer(contest: Contest, seen: Sequence[Count]) -> ContestState:
    """Whether W reached 1/alpha at the end of a pass, still may, or cannot."""
    screened = strict.answer(contest, seen)
    if screened != "won":
        return screened
    wins = losses = 0
    for number, count in enumerate(seen[1:], start=1):
        # The best end of this pass: what is left of it passes, and fails for the incumbent.
        losses += count.losses
        wins += count.passed + count.left - count.rival_passed + count.losses
        ahead = beats(wins, losses, simpler=contest.simpler)
        enough = evidence(wins, losses) >= 1 / contest.alpha
        last = number == MOST_PASSES
        if not ahead or (last and not enough and not contest.simpler):
            return "lost"
        if not count.complete:
            return "open"
        if enough or last:
            return "won"
    return "open"
