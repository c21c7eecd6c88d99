"""Half a million trials, read from the journal's text: only what the report tells of them."""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder
from msgspec.structs import astuple

from autoagent.evidence.events import TrialFinished
from autoagent.records import Glimpse, Outcome, Used


class _Used(Struct, gc=False):
    """In the order of `Used`."""

    calls: int = 0
    unmetered_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Told(Struct, gc=False, kw_only=True):
    """In the order of `Glimpse`."""

    id: str
    task: str
    attempt: int
    side: str = ""
    outcome: Outcome
    reward: float | None
    detail: str = ""
    seconds: float = 0.0
    cost_usd: float | None = None
    judge_cost_usd: float | None = None
    silent: bool = False
    unanswered: bool = False
    model_use: _Used | None = None


class _Finished(Struct, gc=False):
    trial: _Told
    directory: str


_DECODER = Decoder(_Finished)


def glimpse(text: str) -> tuple[Glimpse, str]:
    """A trial of a `trial_finished`, and its directory.

    Raises:
        ValidationError: These are not its facts.
    """
    try:
        found = _DECODER.decode(text)
    except DecodeError:
        TrialFinished.model_validate_json(text)  # says what is wrong as every reader does
        raise
    *told, used = astuple(found.trial)
    seen = Glimpse._make((*told, Used(*astuple(used)) if used else None))
    return seen, found.directory
