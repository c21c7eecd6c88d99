"""What an edit changed, as a unified diff of two candidates from the store."""

import difflib
from collections.abc import Iterator, Mapping

from autoagent.evidence.untrusted import plain

LINES = 400
"""Of one edit; what is longer is cut, and says so."""
LONGEST = 300
"""Characters of a line."""


def diff(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """The lines that differ, file by file, without anything that hides or moves a cursor."""
    lines = list(_lines(before, after))
    if len(lines) > LINES:
        return (*lines[:LINES], f"[… {len(lines) - LINES} more lines …]")
    return tuple(lines)


def _lines(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted({*before, *after}):
        old, new = before.get(path, b""), after.get(path, b"")
        if old == new:
            continue
        a, b = (data.decode("utf-8", "replace").splitlines() for data in (old, new))
        for line in difflib.unified_diff(a, b, path, path, lineterm="", n=2):
            yield plain(line[:LONGEST]).rstrip()
