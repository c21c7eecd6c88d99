"""Half a million trials, read from the journal's text: only what the report tells of them."""

from typing import Required, TypedDict

from pydantic import TypeAdapter

from autoagent.records import Glimpse, Outcome, Used


class _Used(TypedDict, total=False):
    calls: int
    unmetered_calls: int
    input_tokens: int
    output_tokens: int


class _Told(TypedDict, total=False):
    id: Required[str]
    task: Required[str]
    attempt: Required[int]
    side: str
    outcome: Required[Outcome]
    reward: Required[float | None]
    detail: str
    seconds: float
    cost_usd: float | None
    judge_cost_usd: float | None
    model_use: _Used | None
    silent: bool
    unanswered: bool


class _Finished(TypedDict):
    trial: _Told
    directory: str


_FINISHED = TypeAdapter(_Finished)


def glimpse(text: str) -> tuple[Glimpse, str]:
    """A trial of a `trial_finished`, and its directory.

    Raises:
        ValidationError: These are not its facts.
    """
    found = _FINISHED.validate_json(text)
    trial = found["trial"]
    told = trial.get
    use = told("model_use")
    seen = Glimpse(
        trial["id"],
        trial["task"],
        trial["attempt"],
        told("side", ""),
        trial["outcome"],
        trial["reward"],
        told("detail", ""),
        told("seconds", 0.0),
        told("cost_usd"),
        told("judge_cost_usd"),
        Used(**use) if use else None,
        told("silent", False),
        told("unanswered", False),
    )
    return seen, found["directory"]
