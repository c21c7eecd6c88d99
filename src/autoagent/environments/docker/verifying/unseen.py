"""What a daemon does not tell of a container's changes: files that kept their size and time.

Drivers that lay one directory over another tell changes by size and modification time, which a
candidate sets back as it likes, but take all that was written into a snapshot. So what was written
is read itself, through a container of the image that never starts. Other drivers compare for a
snapshot too, and what they do not tell is not in it.
"""

import hashlib
import tarfile
from collections.abc import Iterator, Sequence
from typing import Any, cast

from docker.types import Mount

from autoagent.environments.docker import daemon
from autoagent.environments.docker.archives import reading
from autoagent.environments.docker.container import Container
from autoagent.environments.tampering.change import DELETED, MODIFIED, Change

_PLACE = "/written"
_digests: dict[str, dict[str, bytes]] = {}
"""What images hold, by image and path; an image is read once by a worker, if it has to be."""


def showing(used: Container) -> dict[str, Any]:
    """What lets another container show what was written in this one, where its driver does."""
    facts: dict[str, Any] = daemon.client().inspect_container(used.id)
    driver: dict[str, Any] = facts.get("GraphDriver") or {}
    data: dict[str, Any] = driver.get("Data") or {}
    written = str(data.get("UpperDir") or "")
    mount = Mount(_PLACE, written, type="bind", read_only=True)
    return {"mounts": [mount]} if written else {}


def unseen(image: str, original: Container, changes: Sequence[Change]) -> list[Change]:
    """Files of the image that hold something else now and are not among the changes.

    Args:
        image: The image's id.
        original: A container of the image, `showing` what was written in the candidate's.
        changes: What is known to differ.
    """
    told = {change.path for change in changes if change.kind != DELETED}
    stream, _ = daemon.client().get_archive(original.id, _PLACE)
    written = _contents(stream, _PLACE)
    there = {path: digest for path, digest in written.items() if path not in told}
    if there and image not in _digests:
        _digests[image] = _contents(daemon.client().export(original.id), "")
    had = _digests.get(image, {})
    return [Change(p, MODIFIED) for p, digest in there.items() if had.get(p, digest) != digest]


def _contents(stream: Iterator[bytes], place: str) -> dict[str, bytes]:
    """What each file and link holds, by its path below a place."""
    found = dict[str, bytes]()

    def inside(name: str) -> str:
        return f"/{name.strip('/')}".removeprefix(place)

    with tarfile.open(fileobj=reading(stream), mode="r|") as archive:
        for member in archive:
            path = inside(member.name)
            if member.issym():
                found[path] = member.linkname.encode("utf-8", "surrogateescape")
            elif member.islnk():
                found[path] = found.get(inside(member.linkname), b"")
            elif (file := archive.extractfile(member)) is not None:
                found[path] = hashlib.file_digest(cast(Any, file), "blake2b").digest()
    for _ in stream:  # to its end, so that the connection is free again
        pass
    return found
