"""What a climb cost, as metered at the gateway, and for what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoagent.records import EvaluationKind, Glimpse, Trial
from autoagent.report.played import Played

WHAT_FOR: Mapping[EvaluationKind, str] = {
    "oracle": "proving the tasks",
    "noop": "proving the tasks",
    "baseline": "the baseline",
    "full": "candidates",
    "subset": "diagnosis",
    "certify": "certification",
}


@dataclass(frozen=True)
class Costs:
    """What trials used; `dollars` is None where nothing was priced. `seconds` is theirs, added up.

    A call is unmetered where the provider did not say what it used.
    """

    dollars: float | None
    judge_dollars: float | None
    calls: int
    unmetered_calls: int
    input_tokens: int
    output_tokens: int
    trials: int
    seconds: float

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.input_tokens + self.output_tokens


def costs(trials: Iterable[Trial | Glimpse]) -> Costs:
    """Add up trials."""
    every = list(trials)
    uses = [trial.model_use for trial in every if trial.model_use]
    return Costs(
        dollars=_sum(trial.cost_usd for trial in every),
        judge_dollars=_sum(trial.judge_cost_usd for trial in every),
        calls=sum(use.calls for use in uses),
        unmetered_calls=sum(use.unmetered_calls for use in uses),
        input_tokens=sum(use.input_tokens for use in uses),
        output_tokens=sum(use.output_tokens for use in uses),
        trials=len(every),
        seconds=sum(trial.seconds for trial in every),
    )


def in_all(parts: Iterable[Costs]) -> Costs:
    """The sum of costs."""
    every = list(parts)
    return Costs(
        dollars=_sum(one.dollars for one in every),
        judge_dollars=_sum(one.judge_dollars for one in every),
        calls=sum(one.calls for one in every),
        unmetered_calls=sum(one.unmetered_calls for one in every),
        input_tokens=sum(one.input_tokens for one in every),
        output_tokens=sum(one.output_tokens for one in every),
        trials=sum(one.trials for one in every),
        seconds=sum(one.seconds for one in every),
    )


def by_purpose(climb: Played) -> dict[str, Costs]:
    """A climb's costs by what they were for, in the order of play."""
    found: dict[str, list[Trial | Glimpse]] = {what: [] for what in WHAT_FOR.values()}
    for one in climb.evaluations.values():
        found[WHAT_FOR[one.running.kind]] += one.trials
    return {what: costs(trials) for what, trials in found.items() if trials}


def _sum(prices: Iterable[float | None]) -> float | None:
    known = [price for price in prices if price is not None]
    return sum(known) if known else None
