"""Whose calls are counted, and what is handed over when its trial has ended."""

from typing import NamedTuple

from autoagent.records import ModelUse


class Owner(NamedTuple):
    """Whose calls a scope's are. `digest` names the harness's content."""

    trial: str
    task: str
    attempt: int
    digest: str


class Bill(NamedTuple):
    """What a trial used. Costs are None where a call has no known price.

    `fault` says what failed on the provider's side: such a trial is void. `stand_in`: it was
    the stand-in that answered.
    """

    cost_usd: float | None
    judge_cost_usd: float | None
    use: ModelUse
    fault: str | None
    stand_in: bool = False

    @property
    def total_usd(self) -> float | None:
        """The harness's model and the verifiers'; None where either is unknown."""
        known = [cost for cost in (self.cost_usd, self.judge_cost_usd) if cost is not None]
        return sum(known) if known else None
