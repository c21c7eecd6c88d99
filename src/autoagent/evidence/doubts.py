"""Whether a trial that passed did the work, as far as its calls tell: a cheap look, no proof.

What it doubts is for a human to read: a verifier decides, and nothing here changes what it said.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from autoagent.evidence import trajectory

READ_BYTES = 256 * 1024
_GRADED_BY = re.compile(r"(?<![\w./-])/(?:tests|logs/verifier|solution)\b|\breward\.(?:txt|json)\b")


def doubts_of(directory: Path) -> Iterator[str]:
    """Why a passing trial may have gamed the check; nothing where no record of its calls is."""
    size = trajectory.size_of(directory, record=True)
    if size is None:
        return
    if not size:
        yield "asked nothing of its environment"
    calls = trajectory.last_calls(directory, READ_BYTES)
    told = (call.arguments for step in calls for call in step.acts.calls)
    named = {found for text in told for found in _GRADED_BY.findall(text)}
    if named:
        yield f"named what it is graded by: {', '.join(sorted(named))}"
