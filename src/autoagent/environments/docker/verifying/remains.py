"""What a candidate left in a container, held against the container's image.

Told by the daemon: each changed path alone where that will do, else archives of what was changed.
Neither tells of a file's other names, unless one archive holds them, and an archive of no socket.
"""

from collections.abc import Callable, Sequence
from functools import cache

from autoagent.environments.docker.archives import Archives
from autoagent.environments.tampering.leftovers import VERIFIERS, Budget, Leftover, TooMuch, judge
from autoagent.environments.tampering.steering import ADDED, DELETED, Change

PLACES_LIMIT = 64
"""Places that are looked at; where there is more to look at they are larger directories."""
ASKED_LIMIT = 1000
"""Places of the image that links lead through, each of which is asked for."""
ARCHIVES_LIMIT = 16 * 2**30
"""Of archives, which are read and not kept."""


def look(
    changes: Sequence[Change],
    volumes: Sequence[str],
    archives: Archives,
    original: Callable[[], Archives],
) -> str | None:
    """What leads the verifier to its own files, in a sentence, or None.

    Args:
        changes: Every path that differs from the image.
        volumes: Where the image has volumes, in which changes are not told.
        archives: The container's files.
        original: The files of a container of the image that ran nothing.

    Raises:
        docker.errors.APIError: The daemon does not tell.
        InfrastructureFault: The look took longer than it can on a machine that works.
    """
    places = [*places_of(changes), *volumes]
    there = {change.path for change in changes if change.kind != DELETED}
    # What is a directory then and now holds nothing new unless something in it was changed.
    empty = there - {change.path for change in changes if change.kind == ADDED}
    empty -= {path.rpartition("/")[0] for path in there} | {*volumes}

    def read(budget: Budget) -> list[Leftover]:
        found, room = list[Leftover](), ARCHIVES_LIMIT
        for place in places:
            budget.entries(1)
            told = archives.alone(place)
            if isinstance(told, Leftover):
                found.append(told)
            elif told in ("link", "untold") or (told == "directory" and place not in empty):
                more, room = archives.left(place, budget, room)
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
        there = archives.one(path)
        return there.text if there and there.kind == "link" else None

    return judge(read, lambda path: original().one(path), beyond)


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
