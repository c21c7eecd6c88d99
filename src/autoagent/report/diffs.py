"""What an edit changed, as a unified diff of two candidates from the store."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from autoagent.errors import AutoAgentError
from autoagent.evidence.untrusted import one_line, plain
from autoagent.workspace.git.projection import Projection

LINES = 400
"""Of one edit; what is longer is cut, and says so."""
SKILLS = ".agent/"
LONGEST = 300
"""Characters of a line."""


def diff(
    before: Mapping[str, bytes], after: Mapping[str, bytes], most: int | None = LINES
) -> tuple[str, ...]:
    """The lines that differ, file by file, without anything that hides or moves a cursor.

    Args:
        before: Files by path.
        after: The same, changed.
        most: How many lines; None does not cut, neither lines nor their ends.
    """
    lines = list(_lines(before, after, LONGEST if most else None))
    if most is not None and len(lines) > most:
        return (*lines[:most], f"[… {len(lines) - most} more lines …]")
    return tuple(lines)


class Change(NamedTuple):
    """What an edit changed: its lines, and the skills that came with it, such as `new count.md`."""

    lines: Sequence[str] = ()
    skills: Sequence[str] = ()


def stored(store: Projection, edits: Sequence[tuple[str | None, str]]) -> Iterator[Change]:
    """What changed in each pair of candidates; in the baseline, which comes after none, nothing.

    What cannot be read says so in the place of the lines.
    """
    commits = {commit for before, after in edits if before for commit in (before, after)}
    try:
        contents = store.contents(commits)
    except AutoAgentError:  # one of them: each is asked for alone
        contents = {}

    def of(commit: str) -> Mapping[str, bytes]:
        return contents.get(commit) or store.content(commit)

    for before, after in edits:
        try:
            sides = (of(before), of(after)) if before else None
            yield Change(diff(*sides), tuple(_skills(*sides))) if sides else Change()
        except AutoAgentError as error:
            yield Change((f"It cannot be shown: {error}",))


def _skills(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if path.startswith(SKILLS) and old != new:
            how = "new" if old is None else "removed" if new is None else "changed"
            yield f"{how} {one_line(path.removeprefix(SKILLS), LONGEST)}"


def _lines(
    before: Mapping[str, bytes], after: Mapping[str, bytes], longest: int | None
) -> Iterator[str]:
    for path in sorted({*before, *after}):
        old, new = before.get(path, b""), after.get(path, b"")
        if old == new:
            continue
        a, b = (data.decode("utf-8", "replace").splitlines() for data in (old, new))
        name = path.replace("\n", "\\n")
        names = (name if path in side else "/dev/null" for side in (before, after))
        for line in difflib.unified_diff(a, b, *names, lineterm="", n=2):
            yield plain(line[:longest]).rstrip()
