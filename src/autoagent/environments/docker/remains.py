"""What a candidate left in a container, held against the container's image.

Read from the container's own layer where this process may, else from archives of what was
changed. An archive tells of no socket, and a file's other names only where it holds them too.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from autoagent.environments import survey
from autoagent.environments.docker.archives import Archives
from autoagent.environments.docker.layers import Layer
from autoagent.environments.docker.tampering import ADDED, DELETED, Change
from autoagent.environments.leftovers import VERIFIERS, Budget, Left, TooMuch, judge

PLACES_LIMIT = 64
"""Archives that are asked for; where there is more to look at they are of larger directories."""
ASKED_LIMIT = 1000
"""Places of the image that links lead through, each of which is asked for."""
BYTES_LIMIT = 16 * 2**30
"""Of archives, which are read and not kept."""


class Remains:
    """One container after its candidate's phase."""

    def __init__(
        self, changes: Sequence[Change], archives: Archives, original: Callable[[], Archives]
    ) -> None:
        """Describe it.

        Args:
            changes: Every path that differs from the image.
            archives: The container's files.
            original: The files of a container of the image that ran nothing.
        """
        self._changes, self._archives, self._original = changes, archives, original

    def in_layer(self, layer: Layer, volumes: dict[str, Path]) -> str | None:
        """What leads the verifier to its own files, in a sentence, or None.

        Args:
            layer: The container's.
            volumes: Directories that are mounted in it, by their places there.

        Raises:
            OSError: This process may not read them after all.
            InfrastructureFault: The look took longer than it can on a machine that works.
        """
        changed = {change.path for change in self._changes}

        def read(budget: Budget) -> list[Left]:
            own = [_uncounted(one) for one in survey.read(layer.upper, budget)]
            for place, source in volumes.items():
                own += survey.read(source, budget, below=place)
            return own

        def beyond(path: str) -> str | None:
            if path in changed or any(path.startswith(f"{place}/") for place in volumes):
                return None
            before = layer.image(path)
            return before.text if before and before.kind == "link" else None

        return judge(read, layer.image, beyond)

    def in_archives(self, volumes: Sequence[str]) -> str | None:
        """The same, as the daemon tells it.

        Raises:
            docker.errors.APIError: It does not.
            InfrastructureFault: The look took longer than it can on a machine that works.
        """
        places = [*places_of(self._changes), *volumes]

        def read(budget: Budget) -> list[Left]:
            found, room = list[Left](), BYTES_LIMIT
            for place in places:
                more, room = self._archives.left(place, budget, room)
                found += more
            return found

        asked = 0

        @cache
        def beyond(path: str) -> str | None:
            nonlocal asked
            if any(f"{path}/".startswith(f"{place.rstrip('/')}/") for place in places):
                return None
            asked += 1
            if asked > ASKED_LIMIT:
                raise TooMuch("the links that the trial left lead all over the image")
            there = self._archives.one(path)
            return there.text if there and there.kind == "link" else None

        return judge(read, lambda path: self._original().one(path), beyond)


def places_of(changes: Sequence[Change]) -> list[str]:
    """What archives have to be of, so that they hold everything that is new or another.

    A name that is no UTF-8 cannot be asked for, but what it is in can. A file below what is the
    verifier's may have a name anywhere, so then it is all.
    """
    there = {change.path: change.kind for change in changes if change.kind != DELETED}
    parents = {path.rpartition("/")[0] for path in there}
    if any(path.startswith(f"{place}/") for path in there for place in VERIFIERS):
        return ["/"]
    wanted: list[list[str]] = []
    for path, kind in there.items():
        above, _, _ = path.rpartition("/")
        if there.get(above) != ADDED and (kind == ADDED or path not in parents):
            parts = path.split("/")[1:]
            plain = next((n for n, part in enumerate(parts) if "\ufffd" in part), len(parts))
            wanted.append(parts[:plain])
    depth = max(map(len, wanted), default=1)
    while len(found := {tuple(parts[:depth]) for parts in wanted}) > PLACES_LIMIT and depth:
        depth -= 1
    return sorted("/" + "/".join(parts) for parts in found)


def _uncounted(one: Left) -> Left:
    """The names of a file in a layer are not all the trial's: overlayfs may keep one of its own."""
    return one._replace(names=0)
