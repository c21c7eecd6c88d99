"""What a Dockerfile comes to: where a task starts, and the steps from there; nothing is read here.

An image's top directories that are its system's are here too: nothing of the candidate's stays
in them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from autoagent.workspace.tasks.building.oci import ImageFacts

BASE_IMAGE = "autoagent-base"
BASE_WORKDIR = "/app"
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc")
"""Top directories of an image where nothing of the candidate's stays."""
_SOFT_SYSTEM = ("opt", "var")
"""Likewise, unless the task works there."""


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY: `sources` are paths in the context, wildcards already resolved.

    A source that is a directory gives its content. `target` is absolute; with a trailing
    slash, or more than one source, it is a directory; so it is where a directory stands.
    `chmod` are the permission bits of everything copied, None keeps the context's. `origin`: the
    sources are absolute paths in this image.
    """

    sources: tuple[str, ...]
    target: str
    chmod: int | None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """RUN: an argument list, the shell form wrapped in its shell.

    `arguments` are the ARG values that the command sees beside the environment.
    """

    command: tuple[str, ...]
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Workdir:
    """WORKDIR: an absolute path; it is created if it is not there."""

    path: str


@dataclass(frozen=True, slots=True)
class Env:
    """ENV: one variable, for the steps that follow and for the task."""

    name: str
    value: str


Layer = Copy | Run | Workdir | Env


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole Dockerfile: where a task starts, with what environment, after which steps.

    `base` is None for `autoagent-base`; `images` are all that it starts from or copies of, by name.
    """

    workdir: str = BASE_WORKDIR
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    steps: tuple[Layer, ...] = ()
    base: str | None = None
    images: Mapping[str, ImageFacts] = field(default_factory=dict[str, ImageFacts])


def system_of(top: Collection[str], workdir: str) -> tuple[str, ...]:
    """Which of an image's top directories are its system's: as they were, for the verifier.

    Args:
        top: Names of directories at its root.
        workdir: Where the task works.
    """
    first = _first(workdir)
    names = (*_SYSTEM, *(name for name in _SOFT_SYSTEM if name != first))
    return tuple(name for name in names if name in top)


def works_in_system(workdir: str) -> bool:
    """Whether a directory lies where nothing of the candidate's stays."""
    return _first(workdir) in _SYSTEM


def _first(path: str) -> str:
    return path.lstrip("/").split("/")[0]
