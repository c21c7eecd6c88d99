"""Half a million trials, read from the journal's text: only what the report tells of them."""

from msgspec import DecodeError, Struct
from msgspec.json import Decoder

from autoagent.evidence.events import TrialFinished
from autoagent.records import Glimpse


class _Finished(Struct, gc=False):
    trial: Glimpse
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
    return found.trial, found.directory
