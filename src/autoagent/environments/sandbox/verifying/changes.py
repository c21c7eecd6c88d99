"""What a candidate changed in a sandbox's root directory, held against the image it was made of.

Each file's change time tells, which no process can set: what changed since a moment when the
candidate did not act yet is another, and what is in a directory that was moved is compared by
size and time too. Nothing is read through a link.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from functools import cache

from autoagent.environments.ground import below, holders
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.tampering.leftovers import Budget
from autoagent.environments.tampering.steering import ADDED, DELETED, MODIFIED, Change

DEPTH_LIMIT = 64


def changes(
    root: Beneath, image: Beneath, since: int, deep: Sequence[str], shallow: Sequence[str]
) -> list[Change]:
    """What differs.

    Args:
        root: The trial's.
        image: What it was made of.
        since: The change time of a file that was made before the candidate acted.
        deep: Directories that are looked at with all that is below them.
        shallow: Directories of which the entries are looked at, and paths of files.

    Raises:
        TooMuch: There is more than honest work leaves.
        InfrastructureFault: It takes longer than it can.
    """
    budget, found, trees = Budget(), set[Change](), (_Tree(root), _Tree(image))
    whole = _present(deep, root, image)
    for place in whole:
        if not any(below(place, other) and place != other for other in whole):
            found.update(_compared(*trees, since, place, budget, DEPTH_LIMIT))
    for place in _present(shallow, root, image):
        found.update(_compared(*trees, since, place, budget, 1))
    return sorted(found)


class _Tree:
    """A tree that nobody changes while it is looked at: nothing is asked twice."""

    def __init__(self, tree: Beneath) -> None:
        self._tree, self.facts = tree, cache(self._facts)

    def listed(self, place: str) -> dict[str, os.stat_result]:
        """The entries of a directory, which no link leads to."""
        try:
            with (
                self._tree.directory(place, follow=False) as descriptor,
                os.scandir(descriptor) as entries,
            ):
                return {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
        except (OSError, ValueError):
            return {}

    def _facts(self, path: str) -> os.stat_result | None:
        place, _, name = path.rpartition("/")
        try:
            with self._tree.directory(place or "/", follow=False) as descriptor:
                return os.stat(name or ".", dir_fd=descriptor, follow_symlinks=False)
        except (OSError, ValueError):
            return None


def _compared(
    root: _Tree, image: _Tree, since: int, place: str, budget: Budget, depth: int
) -> Iterator[Change]:
    for holder in (*reversed(holders(place)), place)[1:]:  # a link in their place leads elsewhere
        now, before = root.facts(holder), image.facts(holder)
        yield from _one(holder, now, before, since, moved=False)
        if now is not None and not _is_directory(now):
            return
    now = root.facts(place)
    moved = depth > 1 and now is not None and now.st_ctime_ns > since
    yield from _entries(root, image, since, place, budget, depth, moved=moved)


def _entries(
    root: _Tree,
    image: _Tree,
    since: int,
    place: str,
    budget: Budget,
    depth: int,
    *,
    moved: bool,
) -> Iterator[Change]:
    """What differs in a directory, and below it as deep as is wanted."""
    theirs, ours = root.listed(place), image.listed(place)
    budget.entries(len(theirs))
    for name in sorted(theirs.keys() | ours.keys()):
        now, before, path = theirs.get(name), ours.get(name), f"{place.rstrip('/')}/{name}"
        yield from _one(budget.keep(path), now, before, since, moved=moved)
        if depth > 1 and _is_directory(now):
            inner = moved or (now is not None and now.st_ctime_ns > since)
            yield from _entries(root, image, since, path, budget, depth - 1, moved=inner)


def _one(
    path: str,
    now: os.stat_result | None,
    before: os.stat_result | None,
    since: int,
    *,
    moved: bool,
) -> Iterator[Change]:
    if now is None:
        if before is not None:
            yield Change(path, DELETED)
        return
    if before is None:
        if moved or now.st_ctime_ns > since:  # else it was there before the candidate acted
            yield Change(path, ADDED)
        return
    if _is_directory(now) and _is_directory(before):
        return
    known = (now.st_mode, now.st_size, now.st_mtime_ns)
    other = moved and known != (before.st_mode, before.st_size, before.st_mtime_ns)
    if other or now.st_ctime_ns > since or stat.S_IFMT(now.st_mode) != stat.S_IFMT(before.st_mode):
        yield Change(path, MODIFIED)


def _present(places: Sequence[str], *trees: Beneath) -> list[str]:
    """The places that are worth a look, once each; what a link in the way leads to is not told."""
    return [
        place
        for place in dict.fromkeys(places)
        if any(os.path.lexists(f"{tree.root}{place}") for tree in trees)
    ]


def _is_directory(facts: os.stat_result | None) -> bool:
    return facts is not None and stat.S_ISDIR(facts.st_mode)
