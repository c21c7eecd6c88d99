"""Images of tasks, built from their `environment/` directories.

The daemon's layer cache is keyed by content; asking it once a worker keeps an image true to
its Dockerfile and to the base it is made from, which a tag alone would not.
"""

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from docker.errors import APIError, BuildError, ImageNotFound

from autoagent.benchmark.environments.docker import daemon
from autoagent.benchmark.environments.docker.container import Container
from autoagent.benchmark.environments.docker.labels import STATE, TASK_IMAGE
from autoagent.dockerfile import BASE_IMAGE
from autoagent.errors import InfrastructureFault

LOGS = ("/logs/agent", "/logs/artifacts", "/logs/verifier")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLAIN = f"FROM {BASE_IMAGE}\nWORKDIR /app\n"
"""A task without a Dockerfile is given the base as it is."""


class Image(NamedTuple):
    """An image of the daemon's, and what a trial needs to know of it.

    Attributes:
        id: The daemon's id.
        path: The directories of its PATH, in their order.
        work: Its work directory.
        has_logs: Harbor's directories for logs are there, open to everybody.
    """

    id: str
    path: tuple[str, ...]
    work: str
    has_logs: bool


_locks: dict[str, asyncio.Lock] = {}
_built: dict[str, Image] = {}


async def image_of(
    digest: str, context: Path, named: str | None, labels: Mapping[str, str], seconds: float
) -> Image:
    """The image of a task, built now if this worker did not before.

    Args:
        digest: Names the content of `context`.
        context: The task's `environment/` directory.
        named: The image that the task names instead.
        labels: The trial's; an image belongs to the state directory alone.
        seconds: How long the build may take.

    Raises:
        InfrastructureFault: There is no such image, or the build failed; says why.
    """
    key = named or digest
    async with _locks.setdefault(key, asyncio.Lock()):
        if key not in _built:
            if named is not None and not (context / "Dockerfile").exists():
                image = await daemon.ask(_found, named)
            else:
                image = await daemon.ask(_build, digest, context, labels, seconds)
            _built[key] = await daemon.ask(_known, image, labels)
        return _built[key]


def _known(image: str, labels: Mapping[str, str]) -> Image:
    facts: dict[str, Any] = daemon.client().inspect_image(image)["Config"]
    listed: list[str] = facts.get("Env") or []
    path = dict(line.split("=", 1) for line in listed).get("PATH", _PATH)
    probe = Container(image, labels, {"network_mode": "none"})
    try:
        has_logs = all(probe.is_open_directory(place) for place in LOGS)
    finally:
        probe.remove()
    return Image(image, tuple(path.split(":")), facts.get("WorkingDir") or "/", has_logs)


def _found(name: str) -> str:
    client = daemon.client()
    try:
        return str(client.inspect_image(name)["Id"])
    except ImageNotFound:
        pass
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
    arguments: dict[str, Any] = {"path": str(context)}
    if not (context / "Dockerfile").exists():
        arguments = {"fileobj": io.BytesIO(_PLAIN.encode())}
    try:
        _finish(
            client.build(
                **arguments, tag=tag, labels={STATE: labels[STATE]},  # no trial: one image for all
                rm=True, forcerm=True, decode=True,
                timeout=int(seconds),
            )
        )  # fmt: skip
    except (APIError, BuildError) as error:
        said = str(getattr(error, "explanation", None) or getattr(error, "msg", error))
        mend = ""
        if BASE_IMAGE in said and ("denied" in said or "not found" in said or "manifest" in said):
            mend = f" Build {BASE_IMAGE} first: `autoagent image build`."
        raise InfrastructureFault(
            f"{context}: the image was not built: {' '.join(said.split())[-600:]}{mend}"
        ) from error
    return str(client.inspect_image(tag)["Id"])


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
