"""Rule R10: budgets are reserved before an evaluation starts and settled after it.

An evaluation that could pass a cap does not start. Pure: the clock is an argument.
"""

import math

from autoagent.config import Budget, Config
from autoagent.errors import BudgetExceeded, ConfigError
from autoagent.evidence.position import Position
from autoagent.records import Record, Spent

ENDING = "finish_climb()"
CAPS = ("evaluations", "hours", "dollars")
ROUNDING = 1e-9
"""Dollars by which sums of floats may differ from what was meant."""
ENOUGH_TRIALS = 10
"""From so many on, what trials have cost foretells what trials will cost."""
MARGIN = 2
"""How many times that is reserved: a candidate may cost more than those before it."""


class Remaining(Record):
    """What remains of each cap; None where the human set none."""

    evaluations: int | None
    hours: float | None
    dollars: float | None


def remaining(budget: Budget, spent: Spent, started_at: float, now: float) -> Remaining:
    """What remains. Reserved dollars count as used; nothing goes below zero."""
    return Remaining(
        evaluations=None
        if budget.evaluations is None
        else max(0, budget.evaluations - spent.evaluations),
        hours=None if budget.hours is None else max(0.0, budget.hours - (now - started_at) / 3600),
        dollars=None
        if budget.dollars is None
        else max(0.0, budget.dollars - spent.dollars - spent.reserved_dollars),
    )


def began(budget: Budget, started_at: float, asleep: float) -> float:
    """When the night began, for its hours: later by what the machine slept, unless that counts."""
    return started_at if budget.sleep_counts else started_at + asleep


def left(caps: Budget, position: Position, now: float) -> Remaining:
    """What remains in the night of the climb that stands there."""
    night = began(caps, position.started_at, position.asleep)
    return remaining(caps, position.spent, night, now)


def within(caps: Budget, night: Budget) -> Budget:
    """The caps of a climb that continues a night: those that the night began with, or lower."""
    lower = {name: _lower(getattr(caps, name), getattr(night, name)) for name in CAPS}
    per_trial = max(caps.dollars_per_trial, night.dollars_per_trial)
    return caps.model_copy(update={**lower, "dollars_per_trial": per_trial})


def _lower(one: float | None, other: float | None) -> float | None:
    return min((cap for cap in (one, other) if cap is not None), default=None)


def clock(budget: Budget, started_at: float, now: float, hour: str) -> str:
    """The hour of day, and how much of the night is played."""
    played = f"{(now - started_at) / 3600:.1f}"
    return f"{hour}, {played}{'' if budget.hours is None else f' of {budget.hours:g}'} h played"


def in_words(left: Remaining) -> str:
    """What is left of each cap."""
    caps: list[str] = []
    if left.evaluations is not None:
        caps.append(f"{left.evaluations} evaluations")
    if left.hours is not None:
        caps.append(f"{left.hours:.1f} h")
    if left.dollars is not None:
        caps.append(f"${left.dollars:.2f}")
    return ", ".join(caps) or "no cap"


def require_enough(config: Config, caps: Budget, tasks: int, held_out: int) -> str:
    """The sum that a night has to have room for before it begins; says it in words.

    Each trial may be tried again where it was void, so its dollars are reserved as often. The
    baseline runs twice, and the certification is kept back from the start.

    Raises:
        ConfigError: The dollars are not enough; names the smallest budget that is.
    """
    if caps.dollars is None or not caps.dollars_per_trial:
        return ""
    tries, attempts = 1 + config.benchmark.void_retries, config.benchmark.attempts
    baseline = 2 * tasks * attempts * tries
    certification = 2 * config.certify.passes * (tasks + held_out) * attempts * tries
    needed = (baseline + certification) * caps.dollars_per_trial
    told = (
        f"${caps.dollars_per_trial:g} a trial reserve ${baseline * caps.dollars_per_trial:.2f} for "
        f"the baseline (2 passes of {tasks} tasks, {attempts} attempts, {tries} tries where one is "
        f"void) and ${certification * caps.dollars_per_trial:.2f} for the certification"
    )
    if needed <= caps.dollars + ROUNDING:
        return f"{told}, of ${caps.dollars:.2f}"
    most = caps.dollars / (baseline + certification)
    raise ConfigError(
        f"{told}: ${needed:.2f}, and budget.dollars is {caps.dollars:g}. Set budget.dollars to "
        f"{math.ceil(needed * 100) / 100:g} or more, or budget.dollars_per_trial to "
        f"{math.floor(most * 1e4) / 1e4:g} or less (autoagent.toml); fewer certify.passes or "
        "benchmark.void_retries need less too."
    )


class Cost(Record):
    """What trials of the night have cost, void ones and lost ones added to those that count.

    `each` is the average of the evaluation that had the highest.
    """

    trials: int = 0
    each: float = 0.0


def for_a_trial(config: Config, known: Cost) -> float:
    """Dollars to reserve for a trial and its retries.

    At first as much as it may cost at most, as often as it may be run. Once enough trials have
    told what they cost, that, with a margin. It is the gateway that ends what is dearer.
    """
    most = config.budget.dollars_per_trial * (1 + config.benchmark.void_retries)
    return min(most, MARGIN * known.each) if known.trials >= ENOUGH_TRIALS else most


class Reserve(Record):
    """What is kept back for something that comes later."""

    dollars: float = 0.0
    seconds: float = 0.0


def reserve(
    budget: Budget,
    left: Remaining,
    trials: int,
    *,
    each: float,
    seconds: float,
    later: Reserve | None = None,
) -> float:
    """Dollars to reserve for `trials` trials that are expected to take `seconds`.

    Args:
        budget: The caps.
        left: What is left of them.
        trials: How many trials may run at most, retries aside.
        each: Dollars to reserve for one, retries included.
        seconds: How long that usually takes.
        later: What the certification needs, which this must leave.

    Raises:
        BudgetExceeded: The evaluation could pass a cap, so it must not start.
    """
    later = later or Reserve()
    if left.evaluations == 0:
        raise BudgetExceeded(
            f"All {budget.evaluations} evaluations of the budget are used "
            "(autoagent.toml: budget.evaluations).",
            ENDING,
        )
    if left.hours == 0:
        raise BudgetExceeded(
            f"The night's {budget.hours:g} h are over (autoagent.toml: budget.hours).", ENDING
        )
    if left.hours is not None and left.hours * 3600 <= seconds + later.seconds:
        kept = f", the certification {later.seconds / 3600:.2f} h" if later.seconds else ""
        raise BudgetExceeded(
            f"{left.hours:.2f} h are left and an evaluation takes about "
            f"{seconds / 3600:.2f} h{kept} (autoagent.toml: budget.hours).",
            ENDING,
        )
    reserved = trials * each
    if left.dollars is not None and left.dollars <= ROUNDING:
        raise BudgetExceeded(
            f"All ${budget.dollars:.2f} of the budget are spent (autoagent.toml: budget.dollars).",
            ENDING,
        )
    if left.dollars is not None and reserved + later.dollars > left.dollars + ROUNDING:
        kept = f", the certification ${later.dollars:.2f}" if later.dollars else ""
        raise BudgetExceeded(
            f"{trials} trials reserve ${reserved:.2f} (${each:.4f} each, retries included){kept} "
            f"and ${left.dollars:.2f} are left "
            "(autoagent.toml: budget.dollars, budget.dollars_per_trial).",
            ENDING,
        )
    return reserved
