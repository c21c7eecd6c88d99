"""What a trial's container says of its candidate, held against the image it was made of.

It does not know what is tampering: `steering` says so of what was changed, `remains` of what
was left.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from docker.errors import APIError

from autoagent.environments.docker.archives import Archives
from autoagent.environments.docker.container import Container
from autoagent.environments.docker.images.builds import Built
from autoagent.environments.docker.verifying.remains import look
from autoagent.environments.docker.verifying.restoring import Restoring
from autoagent.environments.docker.verifying.unseen import showing, unseen
from autoagent.environments.ground import Ground, venvs_of
from autoagent.environments.tampering.steering import Files, judge
from autoagent.workspace.tasks.verifier import read_verifier


class Start(NamedTuple):
    """How a verifier is started.

    Attributes:
        task: The task's directory.
        work: Its work directory.
        user: Who its verifier is.
        in_place: The system's files are not compared with anything.
        as_left: It starts with what the candidate left at home.
        directories: Made for it.
    """

    task: Path
    work: str
    user: str
    in_place: bool
    as_left: bool
    directories: tuple[str, ...] = ()


class Judged(NamedTuple):
    """What a container says: what was tampered with, and what is to be put back."""

    said: str | None
    restored: bytes | None = None
    """An archive for the root of the verifier's container."""


def judge_container(
    used: Container, image: Built, labels: Mapping[str, str], start: Start
) -> Judged:
    """What the candidate did to the system that its verifier will run on, or left for it.

    Args:
        used: Its container.
        image: The container's.
        labels: Of a container of the image, made where it is asked for and removed again.
        start: How the verifier is started.
    """
    shown = {} if start.in_place else showing(used)
    with contextlib.ExitStack() as stack:

        @functools.cache
        def original() -> Container:
            made = Container(image.id, labels, {"network_mode": "none", **shown})
            stack.callback(made.remove)
            return made

        def archives() -> Archives:
            return original().archives

        try:
            changes = used.changes()
        except APIError as error:
            if "name too long" not in str(error):
                raise
            return Judged("the trial left paths that are too long to be compared with its image")
        said, restored = None, None
        if not start.in_place:
            if shown:
                changes += unseen(image.id, original(), changes)
            ground = Ground(
                path=image.path,
                variables=image.variables,
                work=start.work,
                home=image.variables.get("HOME") or _home_of(start.user or image.user, archives),
                verifier=read_verifier(start.task),
                as_left=start.as_left,
                venvs=venvs_of(image.path, start.work, lambda path: archives().exists(path)),
            )
            if ground.verifier.mentions("su", "sudo", "runuser", "gosu"):
                ground = replace(ground, users=_homes(archives))
            files = Files(
                had=lambda path: archives().exists(path),
                left=lambda path: bool(used.archives.is_file(path)),
                link=lambda path: used.archives.alone(path) == "link",
                read=used.archives.content,
                was=lambda path: archives().content(path),
                installed=lambda name: _installed(name, ground, image.id, archives),
            )
            found = judge(changes, ground, files)
            said = found.said
            if not start.as_left:
                restored = Restoring(changes, used.archives, archives).archive(
                    found, *start.directories
                )
        said = said or look(changes, image.volumes, used.archives, archives)
        return Judged(said, restored)


_sites: dict[str, list[str]] = {}
"""Where images have packages of Python's, by image."""


def _installed(name: str, ground: Ground, image: str, original: Callable[[], Archives]) -> bool:
    """Whether an image has a package of Python's by this name."""
    if image not in _sites:
        found: list[str] = []
        for prefix in dict.fromkeys(("/usr/local", *ground.prefixes)):
            versions = (f"{prefix}/lib/python3.{minor}" for minor in range(8, 16))
            found += [f"{place}/site-packages" for place in versions if original().exists(place)]
        _sites[image] = [*found, "/usr/lib/python3/dist-packages"]
    names = [f"{place}/{name}" for place in _sites[image]]
    return any(original().exists(one) or original().exists(f"{one}.py") for one in names)


def _home_of(user: str, original: Callable[[], Archives]) -> str:
    """Where a user is at home, as the image's /etc/passwd says."""
    name = user.split(":")[0]
    if name in ("", "root", "0"):
        return "/root"
    return next((one[5] or "/" for one in _users(original) if name in (one[0], one[2])), "/")


def _homes(original: Callable[[], Archives]) -> tuple[str, ...]:
    """Where people are at home; the system's users are in its directories."""
    return tuple(one[5] for one in _users(original) if one[5].startswith(("/root", "/home/")))


def _users(original: Callable[[], Archives]) -> list[list[str]]:
    lines = original().content("/etc/passwd").decode("utf-8", "replace").splitlines()
    return [one for one in (line.split(":") for line in lines) if len(one) > 5]
