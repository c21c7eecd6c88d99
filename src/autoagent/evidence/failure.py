"""What a verifier said of a failure: one line of what it printed. Untrusted text."""

import re
from pathlib import Path

from autoagent.evidence.trajectory import verifier_output

CHARACTERS = 2000
_FAILURE = re.compile(r"\b(fail(ed|s|ure)?|errors?|\w*Error|expected|missing|wrong|not ok)\b", re.I)


def said(directory: Path) -> str:
    """What a trial's verifier said last of a failure, as such; empty without any output."""
    line = last_failure(verifier_output(directory, CHARACTERS))
    return f"verifier: {line}" if line else ""


def last_failure(printed: str) -> str:
    """The last line that speaks of a failure, else the last one there is."""
    lines = [line.strip() for line in reversed(printed.splitlines()) if line.strip()]
    return next(filter(_FAILURE.search, lines), lines[0] if lines else "")
