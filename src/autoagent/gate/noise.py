"""How far luck alone moves a score, from the baseline's two passes (rule R2).

Two passes of the same harness differ on D of N pairs. The number of trials a pass passes then has
a variance of about D/2, because a trial with chance p differs in two passes with probability
2·p·(1 - p), twice the variance it adds to one. Luck is modelled as Binomial(2·D, 1/2), which
has that variance and whole numbers.
"""

from collections.abc import Sequence
from functools import cache
from math import comb, sqrt

from autoagent.records import GateRule, Noise, Trial

NORMAL_95 = 1.959964
WHY: dict[GateRule, str] = {
    "strict": "one pass tells enough, and leaves more of the night for candidates",
    "posterior": "it looks task by task, and finds about twice as much in the same trials",
}


def noise_of(trials: Sequence[Trial], tasks: Sequence[str], attempts: int) -> Noise:
    """Pair the first pass with the second, attempt by attempt; a void trial drops its pair."""
    passed: dict[tuple[str, int], bool] = {}
    for trial in trials:
        if trial.outcome != "void":
            passed.setdefault((trial.task, trial.attempt), trial.outcome == "passed")
    pairs = [
        (passed[task, n], passed[task, n + attempts])
        for task in tasks
        for n in range(1, attempts + 1)
        if (task, n) in passed and (task, n + attempts) in passed
    ]
    return Noise(pairs=len(pairs), differing=sum(first != second for first, second in pairs))


def detectable(noise: Noise) -> float:
    """The difference of two scores, in points (0 to 100), that luck reaches in 1 of 20 cases.

    Half the width of a 95 % interval around no difference, with half a pair added to each way of
    differing so that few pairs do not pass for little noise (Agresti and Min 2005, Statistics
    in Medicine 24:729); 0 where no pair differs.
    """
    if not noise.differing:
        return 0.0
    return 100 * NORMAL_95 * sqrt(noise.differing + 1) / (noise.pairs + 2)


def lucky_keeps(noise: Noise, candidates: int) -> float:
    """How many of these candidates strict is expected to keep if none is better than the baseline.

    A keep is a new record among 1 + `candidates` draws from the same distribution.
    """
    return _records(2 * noise.differing, 1 + candidates) - 1.0


@cache
def _records(coins: int, draws: int) -> float:
    """Expected records among draws from Binomial(coins, 1/2), the first draw included.

    The value v becomes a record if the first draw that reaches v is v itself: P(v) / P(>= v),
    once some draw reaches it.
    """
    tail, expected = 0.0, 0.0
    for value in range(coins, -1, -1):
        chance = comb(coins, value) / 2**coins
        tail = min(1.0, tail + chance)
        expected += chance / tail * (1 - (1 - tail) ** draws)
    return max(1.0, expected)


def recommended(noise: Noise) -> GateRule:
    """The gate that finds most in a night with this noise, by simulation (docs/gates.md).

    `posterior` where any luck was seen. Where none was one pass tells all, and `strict` stops
    soonest.
    """
    return "posterior" if noise.differing else "strict"


def sentences(noise: Noise, candidates: int, rule: GateRule) -> tuple[str, ...]:
    """What the human should know of a climb's noise, and whether its gate suits that.

    Args:
        noise: The baseline's two passes.
        candidates: How many candidates the night is for.
        rule: The gate in force: it was frozen when the climb began, before this was known.
    """
    if not noise.pairs:
        return seen(noise, candidates)
    better = recommended(noise)
    choice = f"The gate in force, `{rule}`, is the one for that."
    if better != rule:
        line = f'autoagent.toml, [gate]: rule = "{better}"'
        choice = (
            f"The gate in force is `{rule}` and stays so: it was frozen when the climb began. For "
            f"the next climb `{better}` is recommended ({line}): {WHY[better]}."
        )
    return (*seen(noise, candidates), choice)


def seen(noise: Noise, candidates: int) -> tuple[str, ...]:
    """What two passes of one harness say of luck, whichever gate is chosen."""
    if not noise.pairs:
        return ("Nothing was measured in both of the baseline's passes, so its noise is unknown.",)
    if not noise.differing:
        return (f"The baseline's two passes agree on all {noise.pairs} trials: no noise was seen.",)
    lucky = lucky_keeps(noise, candidates)
    return (
        f"The baseline's two passes differ on {noise.differing} of {noise.pairs} trials: between "
        f"two scores, a difference under ±{detectable(noise):.0f} points is noise.",
        f"Of {candidates} candidates that are no better, `strict` would keep about {lucky:.0f} "
        "by luck alone.",
    )


def advice(noise: Noise, rule: GateRule) -> str:
    """Which gate to choose while it may be chosen, held against the one that is configured."""
    better = recommended(noise)
    if not noise.pairs or better == rule:
        return "" if not noise.pairs else f"`{rule}` is configured, and is the gate for that."
    return (
        f"`{better}` is the gate for that: {WHY[better]}. `{rule}` is configured; before "
        f'start_climb write rule = "{better}" below [gate] (autoagent.toml).'
    )
