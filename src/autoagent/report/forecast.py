"""What a night would cost, by what the trials of a climb have cost. It looks nothing up."""

from collections.abc import Iterable
from dataclasses import dataclass

from autoagent.config import Config
from autoagent.report.costs import WHAT_FOR, Costs, costs, in_all
from autoagent.report.played import Measured, Played

PROVING, BASELINE, CANDIDATES, CERTIFYING = (
    WHAT_FOR[kind] for kind in ("oracle", "baseline", "full", "certify")
)


@dataclass(frozen=True)
class Part:
    """Some of a night: how many trials, their dollars, and the hours that they take at least.

    `dollars` is None where the climb's trials had no price.
    """

    what: str
    trials: int
    dollars: float | None
    hours: float


@dataclass(frozen=True)
class Forecast:
    """A night, part by part.

    Attributes:
        by: The tag of the climb that it is foretold by.
        trial: What its trials of harnesses cost, all of them.
        passes: How many passes of the suite a candidate took there; below 1 where candidates that
            could not be kept any more were stopped early.
        parts: In the order of play.
        dollars: Of all parts.
        hours: Of all parts.
    """

    by: str
    trial: Costs
    passes: float
    parts: tuple[Part, ...]
    dollars: float | None
    hours: float


def forecast(climb: Played, config: Config, tasks: int, held_out: int, candidates: int) -> Forecast:
    """What a night of so many candidates comes to, at the prices and times of a climb.

    Args:
        climb: What was played.
        config: The rules of the night that is foretold.
        tasks: How many tasks an evaluation will have.
        held_out: How many more a certification will have.
        candidates: How many the meta-agent will propose.
    """
    by_kind = {what: list(_of(climb, what)) for what in set(WHAT_FOR.values())}
    proving = costs(trial for one in by_kind.pop(PROVING) for trial in one.trials)
    every = in_all(costs(one.trials) for found in by_kind.values() for one in found)
    passes = _passes(by_kind[CANDIDATES])
    attempts, at_once = config.benchmark.attempts, config.benchmark.concurrency
    suite = tasks * attempts
    fresh = 2 * config.certify.passes * (tasks + held_out) * attempts

    def part(what: str, trials: int, like: Costs) -> Part:
        of_one = 1 / like.trials if like.trials else 0.0
        models = [d for d in (like.dollars, like.judge_dollars) if d is not None]
        dollars = sum(models) * of_one * trials if models else None
        return Part(what, trials, dollars, like.seconds * of_one * trials / at_once / 3600)

    parts = (
        part(PROVING, 2 * (tasks + held_out), proving),
        part(BASELINE, 2 * suite, every),
        part(CANDIDATES, round(candidates * suite * passes), every),
        part(CERTIFYING, fresh, every),
    )
    priced = [part.dollars for part in parts if part.dollars is not None]
    return Forecast(
        by=climb.started.tag,
        trial=every,
        passes=passes,
        parts=parts,
        dollars=sum(priced) if priced else None,
        hours=sum(part.hours for part in parts),
    )


def _of(climb: Played, what: str) -> Iterable[Measured]:
    return (one for one in climb.evaluations.values() if WHAT_FOR[one.running.kind] == what)


def _passes(found: list[Measured]) -> float:
    """Trials of candidates by those of one pass; 1 where no candidate was measured."""
    asked = sum(len(one.running.tasks) * one.running.attempts for one in found)
    return sum(len(one.trials) for one in found) / asked if asked else 1.0
