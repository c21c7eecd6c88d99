"""The start of a verifier in a sandbox: what was changed is looked at, and the image's is put back.

The system's directories are the host's and read-only, or an image's and as they were, so they need
no look; what the image has of its own is compared with it.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from autoagent.environments.ground import Ground, holders, led_by, venvs_of
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.bubblewrap import (
    IMAGE_VARIABLES,
    environment_variables,
    packages,
)
from autoagent.environments.sandbox.images import Image
from autoagent.environments.sandbox.steps import Carried
from autoagent.environments.sandbox.verifying.changes import changes
from autoagent.environments.sandbox.verifying.restoring import restore
from autoagent.environments.tampering import steering
from autoagent.environments.tampering.leftovers import TooMuch
from autoagent.environments.tampering.standing import LOOKED
from autoagent.workspace.tasks.verifier import read_verifier

CONTENT_LIMIT = 1024 * 1024


def ground_of(image: Image, work: str, task: Path, *, as_left: bool) -> Ground:
    """Where the verifier of a task starts."""
    first = IMAGE_VARIABLES if image.has_system else environment_variables()
    variables = {**first, **image.variables}
    path = tuple(variables["PATH"].split(":"))
    return Ground(
        path=path,
        variables=image.variables,
        work=work,
        home=variables["HOME"].rstrip("/") or "/",
        verifier=read_verifier(task),
        as_left=as_left,
        venvs=venvs_of(path, work, Beneath(image.root).exists),
    )


def start(root: Beneath, made_of: Image, ground: Ground, carried: Carried) -> str | None:
    """Put back what the image has; what steers the verifier all the same, or None.

    Args:
        root: The trial's; nothing of the candidate's is alive.
        made_of: Its image.
        ground: Where the verifier starts.
        carried: What the trial carries; what is put back is set aside for its next step.

    Raises:
        InfrastructureFault: The look took longer than it can on a machine that works.
    """
    image, mounted = Beneath(made_of.root), made_of.mounted(ground.work)

    def is_own(path: str) -> bool:
        """Whether nothing is mounted over a path."""
        return path == "/" or path.split("/")[1] not in mounted

    home = () if ground.as_left else (ground.home,)
    if ground.home in ("/", ground.work):
        home = tuple(
            f"{ground.home.rstrip('/')}/{name}" for name in _hidden(root, image, ground.home)
        )
    if led := tuple(_led(root, ground)):
        ground = replace(ground, led=led)
    wanted = (*home, *ground.trusted, *ground.settings, *ground.verifier.makes)
    if ground.tests_work:
        wanted += (ground.work,)
    deep = [place for place in wanted if place.split("/")[1] not in mounted]
    inside = [f"{place}/{name}" for place in ground.stood_in for name in LOOKED]
    for place in ground.stood_in:  # a package's entries make it a plugin
        found_here = (name for name in root.names(place) if name.endswith(("-info", ".egg")))
        inside += [f"{place}/{name}" for name in found_here]
    inside += {one for place in ground.trusted for one in holders(place)}
    shallow = [place for place in (*ground.upward, *ground.stood_in, *inside) if is_own(place)]
    try:
        found = changes(root, image, carried.since or 0, deep, shallow)
    except TooMuch as much:
        return f"{much}, so nobody can say what would steer a verifier"
    own = [one for change in found if is_own(change.path) and (one := carried.judged(root, change))]
    judged = steering.judge(own, ground, _files(root, made_of, ground, is_own))
    for path in judged.restored:
        carried.set_aside(root, path)
        restore(root, image, path)
    for path, data in judged.replaced.items():
        carried.set_aside(root, path)
        root.put(path, data)
    return judged.said


def _led(root: Beneath, ground: Ground) -> Iterator[str]:
    """Directories that the `.pth` files of the PATH's environments name, the image's too."""
    for prefix in ground.prefixes:
        for python in root.names(f"{prefix}/lib"):
            place = f"{prefix}/lib/{python}/site-packages"
            for name in root.names(place):
                if name.endswith(".pth"):
                    yield from led_by(f"{place}/{name}", root.content(f"{place}/{name}", 4096))


def _hidden(root: Beneath, image: Beneath, home: str) -> list[str]:
    return sorted({name for tree in (root, image) for name in tree.names(home) if name[0] == "."})


def _files(
    root: Beneath, made_of: Image, ground: Ground, is_own: Callable[[str], bool]
) -> steering.Files:
    image = Beneath(made_of.root)

    def had(path: str) -> bool:
        return image.exists(path) if made_of.has_system or is_own(path) else _system(path).exists()

    return steering.Files(
        had=had,
        left=root.is_file,
        link=root.is_link,
        read=lambda path: root.content(path, CONTENT_LIMIT),
        was=lambda path: image.content(path, CONTENT_LIMIT),
        installed=_installed(made_of, ground),
    )


def _installed(made_of: Image, ground: Ground) -> Callable[[str], bool]:
    """Whether a verifier's Python has a package: the image's, the system's, or ours."""

    @cache
    def names() -> frozenset[str]:
        image, found, prefixes = Beneath(made_of.root), set[str](), ground.prefixes
        if made_of.has_system:
            prefixes = (*prefixes, "/usr", "/usr/local")
            found.update(map(_stem, image.names("/usr/lib/python3/dist-packages")))
        else:
            found.update(_packages(tuple(_system_libraries())))
        if ground.verifier.mentions("/verifier"):
            found.update(_packages((packages(),)))
        for prefix in prefixes:
            for python in image.names(f"{prefix}/lib"):
                found.update(
                    _stem(name) for name in image.names(f"{prefix}/lib/{python}/site-packages")
                )
        return frozenset(found)

    return lambda name: name in names()


@cache
def _packages(places: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_stem(path.name) for place in places for path in Path(place).glob("*"))


def _system_libraries() -> list[str]:
    versions = sorted(map(str, Path(sys.base_prefix, "lib").glob("python3*/site-packages")))
    return [*versions, "/usr/lib/python3/dist-packages"]


def _stem(name: str) -> str:
    return name.split(".")[0]


def _system(path: str) -> Path:
    if path.split("/")[1] == "python":
        return Path(sys.base_prefix).resolve() / path.removeprefix("/python").lstrip("/")
    return Path(path)
