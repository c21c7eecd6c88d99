"""Images of tasks, built from their `environment/` directories.

An image is tagged with the digest of what it is built from and labelled with its base, so one
look tells whether it is due. Where a Dockerfile has more than one base, or a variable for it,
the daemon is asked to build each time; its own cache of layers is keyed by content too.
"""

import asyncio
import io
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from posixpath import normpath
from typing import Any, NamedTuple

from docker.errors import APIError, BuildError, ImageNotFound

from autoagent.environments.docker import daemon
from autoagent.environments.docker.daemon import BUILT_ON, STATE, TASK_IMAGE
from autoagent.environments.docker.images.buildkit import BuildFailed, build, builder
from autoagent.errors import InfrastructureFault
from autoagent.files import tree_digest
from autoagent.workspace.tasks.building.recipe import BASE_IMAGE

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLAIN = f"FROM {BASE_IMAGE}\nWORKDIR /app\n"
"""A task without a Dockerfile is given the base as it is."""
_FROM = re.compile(r"^\s*FROM\s+(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(r"[\w./:@-]+")


class Built(NamedTuple):
    """An image of the daemon's, and what a trial needs to know of it.

    Attributes:
        id: The daemon's id.
        path: The directories of its PATH, in their order.
        work: Its work directory.
        has_entry: It has an ENTRYPOINT.
        volumes: Its VOLUMEs, which no snapshot holds.
        variables: What it sets.
        user: Who its commands are, unless somebody says otherwise.
    """

    id: str
    path: tuple[str, ...]
    work: str
    has_entry: bool
    volumes: tuple[str, ...]
    variables: Mapping[str, str]
    user: str


_locks: dict[str, asyncio.Lock] = {}
_built: dict[str, Built] = {}
_failed: dict[str, str] = {}
"""Why builds failed: what is the same would fail again."""


async def image_of(
    context: Path, named: str | None, labels: Mapping[str, str], seconds: float
) -> Built:
    """The image of a task, built now if this worker did not before.

    Args:
        context: The task's `environment/` directory.
        named: The image that the task names instead.
        labels: The trial's; an image belongs to the state directory alone.
        seconds: How long the build may take.

    Raises:
        InfrastructureFault: There is no such image, or the build failed; says why.
    """
    own = named is None or (context / "Dockerfile").exists()
    key = await daemon.ask(tree_digest, context) if own else str(named)
    async with _locks.setdefault(key, asyncio.Lock()):
        if key in _failed:
            raise InfrastructureFault(_failed[key])
        if key not in _built:
            if own:
                try:
                    image = await daemon.ask(_build, key, context, labels, seconds)
                except (BuildFailed, BuildError, APIError) as error:
                    _failed[key] = _why(error, context)
                    raise InfrastructureFault(_failed[key]) from error
            else:
                image = await daemon.ask(_found, key)
            _built[key] = await daemon.ask(_known, image)
        return _built[key]


def forget() -> None:
    """Look at every image anew, as the next worker will."""
    _built.clear()
    _failed.clear()


def _known(image: str) -> Built:
    facts: dict[str, Any] = daemon.client().inspect_image(image)["Config"]
    listed: list[str] = facts.get("Env") or []
    variables = dict(line.split("=", 1) for line in listed)
    path = variables.get("PATH", _PATH)
    return Built(
        id=image,
        path=tuple(path.split(":")),
        work=facts.get("WorkingDir") or "/",
        has_entry=bool(facts.get("Entrypoint")),
        volumes=tuple(normpath(str(place)) for place in facts.get("Volumes") or ()),
        variables=variables,
        user=str(facts.get("User") or ""),
    )


def _found(name: str) -> str:
    client = daemon.client()
    if known := _inspected(name):
        return str(known["Id"])
    try:
        client.pull(name)
        return str(client.inspect_image(name)["Id"])
    except APIError as error:
        raise InfrastructureFault(
            f"The image {name} is not here and cannot be pulled: {error.explanation}"
        ) from error


def _build(digest: str, context: Path, labels: Mapping[str, str], seconds: float) -> str:
    client = daemon.client()
    tag = f"{TASK_IMAGE}:{digest[:40]}"
    file = context / "Dockerfile"
    base = _base_of(file.read_text("utf-8", "replace") if file.exists() else _PLAIN)
    own = {STATE: labels[STATE], **({BUILT_ON: base} if base else {})}  # one image for all trials
    if (
        base
        and (known := _inspected(tag))
        and own.items() <= (known["Config"].get("Labels") or {}).items()
    ):
        return str(known["Id"])
    if by := builder():
        with tempfile.TemporaryDirectory(prefix="autoagent-context-") as nothing:
            place = context if file.exists() else Path(nothing)
            build(by, place, None if file.exists() else _PLAIN, tag, own, seconds)
    else:
        how: dict[str, Any] = {"path": str(context)}
        if not file.exists():
            how = {"fileobj": io.BytesIO(_PLAIN.encode())}
        how |= {"tag": tag, "labels": own, "timeout": int(seconds)}
        _finish(client.build(**how, rm=True, forcerm=True, decode=True))
    return str(client.inspect_image(tag)["Id"])


def _why(error: Exception, context: Path) -> str:
    """What a build failed of, by the name of its task."""
    said = str(getattr(error, "explanation", None) or getattr(error, "msg", error))
    mend = ""
    if BASE_IMAGE in said and ("denied" in said or "not found" in said or "manifest" in said):
        mend = f" Build {BASE_IMAGE} first: `autoagent image build`."
    where = "/".join(context.parts[-3:])
    return f"{where}: the image was not built: {' '.join(said.split())[-600:]}{mend}"


def _base_of(dockerfile: str) -> str | None:
    """The id of the one image that a Dockerfile builds on; None where there may be others."""
    names = _FROM.findall(dockerfile)
    if len(names) != 1 or not _NAME.fullmatch(names[0]) or "--from=" in dockerfile:
        return None
    known = _inspected(names[0])
    return None if known is None else str(known["Id"])


def _inspected(name: str) -> dict[str, Any] | None:
    try:
        return daemon.client().inspect_image(name)
    except ImageNotFound:
        return None


def _finish(stream: Any) -> None:
    """Read a build to its end.

    Raises:
        BuildError: It failed; ends with what the failing instruction printed.
    """
    printed: list[str] = []
    for line in stream:
        printed.append(str(line.get("stream", "")))
        if "error" in line:
            raise BuildError(f"{''.join(printed[-20:])} {line['error']}", iter(()))
