"""Passages of a task that a harness holds word for word (threat E4): a flag, never a refusal.

A passage is eight words in a row, 40 characters or more, of an instruction, a verifier or a
solution. What the baseline and program.md say already is nobody's copy. A match is told by
task, file and number, and never by its text. Pure, but for reading the frozen tasks.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from autoagent.errors import WorkspaceError
from autoagent.files import read_regular, walk
from autoagent.records import Copied
from autoagent.workspace.tasks.snapshot import Snapshot

WORDS = 8
CHARACTERS = 40
SHOWN = 5
FILE_LIMIT_BYTES = 256 * 1024
"""A longer file of a task is data, not an answer."""
_WORD = re.compile(r"\w+")
_READ = re.compile(r"(?:steps/[^/]+/)?(?:instruction\.md|tests/|solution/)")

Place = tuple[str, str]
"""A task and a file in it."""


def passages(text: str) -> set[bytes]:
    """The text's passages, each as a digest; case and punctuation make no difference."""
    words = [match[0].lower() for match in _WORD.finditer(text)]
    found: set[bytes] = set()
    for start in range(len(words) - WORDS + 1):
        passage = " ".join(words[start : start + WORDS])
        if len(passage) >= CHARACTERS:
            found.add(blake2b(passage.encode(), digest_size=8).digest())
    return found


def copied(
    frozen: Snapshot, candidate: Mapping[str, bytes], known: Iterable[bytes]
) -> tuple[Copied, ...]:
    """What of the frozen tasks a candidate holds, most first.

    Args:
        frozen: The climb's snapshot; it is read once in a process.
        candidate: The candidate's files.
        known: Files whose passages are nobody's copy: the baseline's, and program.md.
    """
    ours = _all_passages(candidate.values()) - _all_passages(known)
    where = _index(frozen.directory)
    counted: Counter[Place] = Counter(place for passage in ours for place in where.get(passage, ()))
    hidden = sum(count for (task, _), count in counted.items() if not task)
    found = [Copied(task=t, file=f, passages=n) for (t, f), n in counted.most_common() if t]
    return (*found, *([Copied(task="", file="", passages=hidden)] if hidden else []))


def sentences(found: Iterable[Copied]) -> list[str]:
    """What the meta-agent may hear: nothing of held-out tasks, which it must not even sound."""
    seen = [copy for copy in found if copy.task]
    lines = [
        f"holds {copy.passages} passages of tasks/{copy.task}/{copy.file} word for word, which is "
        "recorded: a harness that knows its tasks by heart fails the ones it has not seen"
        for copy in seen[:SHOWN]
    ]
    more = len(seen) - SHOWN
    return [*lines, f"holds passages of {more} more files of tasks"] if more > 0 else lines


def _all_passages(files: Iterable[bytes]) -> set[bytes]:
    return set[bytes]().union(*(passages(data.decode("utf-8", "replace")) for data in files))


@lru_cache(maxsize=2)
def _index(snapshot: Path) -> Mapping[bytes, tuple[Place, ...]]:
    """Every passage of a snapshot's tasks and where it stands. Its directory names its content."""
    index: dict[bytes, tuple[Place, ...]] = {}
    for path in sorted(walk(snapshot).files):
        kind, _, rest = path.partition("/")
        task, _, inner = rest.partition("/")
        if kind not in ("tasks", "holdout") or not _READ.match(inner):
            continue
        place = (task, inner) if kind == "tasks" else ("", "")
        for passage in passages(_text(snapshot / path)):
            index[passage] = (*index.get(passage, ()), place)
    return index


def _text(path: Path) -> str:
    """A file's text; nothing where it is too long, or no text."""
    try:
        data = read_regular(path, FILE_LIMIT_BYTES)
    except (WorkspaceError, OSError):
        return ""
    return "" if b"\0" in data else data.decode("utf-8", "replace")
