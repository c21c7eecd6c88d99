"""What a container changed, read from its own layer where this process may read that.

The daemon's own comparison walks the whole image, half a second of a processor's time for an
ordinary one. With the overlay2 driver on this machine the container's layer is a directory
of its changes alone (Linux, Documentation/filesystems/overlayfs.rst): what stands there
is new or changed, a character device 0/0 is a deletion.
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from autoagent.environments import survey
from autoagent.environments.docker.tampering import ADDED, DELETED, MODIFIED, Change
from autoagent.environments.leftovers import Left

_OPAQUE, _REDIRECT = "trusted.overlay.opaque", "trusted.overlay.redirect"


class Layer(NamedTuple):
    """A container's own layer, and those of its image."""

    upper: Path
    lowers: tuple[Path, ...]

    def image(self, path: str) -> Left | None:
        """What the image has at a path, if it is a link or the like."""
        for lower in self.lowers:
            if os.path.lexists(f"{lower}{path}"):
                return survey.one(f"{lower}{path}", path)
        return None


def layer_of(driver: Mapping[str, Any]) -> Layer | None:
    """The layer of a container, or None where it cannot be read.

    Args:
        driver: `GraphDriver` of the inspected container.
    """
    places: Mapping[str, str] = driver.get("Data") or {}
    if driver.get("Name") != "overlay2" or "UpperDir" not in places:
        return None
    upper, lowers = places["UpperDir"], places["LowerDir"].split(":")
    readable = all(os.access(place, os.R_OK | os.X_OK) for place in (upper, lowers[-1]))
    return Layer(Path(upper), tuple(map(Path, lowers))) if readable else None


def changes_of(driver: Mapping[str, Any]) -> list[Change] | None:
    """Every path that differs from the image, or None where the layer cannot be read.

    Args:
        driver: `GraphDriver` of the inspected container, which has ended.
    """
    if (layer := layer_of(driver)) is None:
        return None
    try:
        return list(_below(layer.upper, "", layer.lowers))
    except OSError:  # gone, or not ours to read further down
        return None


def move(used: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Make the layer of a container that has ended that of one that was never started.

    It is one rename, where a snapshot copies every byte twice. Both are made of one image.

    Args:
        used: `GraphDriver` of the first, inspected.
        fresh: The same of the second.

    Returns:
        Whether it was done; nothing was, where this process may not, or the file systems differ.
    """
    if not (used.get("Name") == fresh.get("Name") == "overlay2"):
        return False
    places = [Path(driver["Data"]["UpperDir"]) for driver in (used, fresh)]
    try:
        places[0].rename(places[1])  # which is empty, or this fails
    except OSError:
        return False
    places[0].mkdir(mode=0o755)
    return True


def _below(upper: Path, place: str, lowers: Sequence[Path]) -> Iterator[Change]:
    with os.scandir(f"{upper}{place}") as entries:
        for entry in entries:
            path = f"{place}/{entry.name}"
            facts = entry.stat(follow_symlinks=False)
            before = _before(path, lowers)
            if stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0:
                yield Change(path, DELETED)
            elif stat.S_ISDIR(facts.st_mode):
                replaced = _marked(entry.path) or not stat.S_ISDIR(before or facts.st_mode)
                if before is None or replaced:
                    yield Change(path, ADDED if before is None else DELETED)
                yield from _below(upper, path, [] if before is None else lowers)
            else:
                yield Change(path, ADDED if before is None else MODIFIED)


def _before(path: str, lowers: Sequence[Path]) -> int | None:
    """The mode of what the image has at a path, or None."""
    for lower in lowers:
        try:
            facts = os.lstat(f"{lower}{path}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        deleted = stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0
        return None if deleted else facts.st_mode
    return None


def _marked(path: str) -> bool:
    """Whether a directory hides what the image has there: replaced, or moved from elsewhere."""
    names = os.listxattr(path, follow_symlinks=False)
    return _OPAQUE in names or _REDIRECT in names
