"""Images of tasks, built from their `environment/` directories.

The daemon's layer cache is keyed by content; asking it once a worker keeps an image true to
its Dockerfile and to the base it is made from, which a tag alone would not.
"""

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, ImageNotFound

from autoagent.benchmark.environments.docker import daemon
from autoagent.benchmark.environments.docker.labels import BASE_IMAGE, TASK_IMAGE
from autoagent.errors import InfrastructureFault

_PLAIN = f"FROM {BASE_IMAGE}\nWORKDIR /app\n"
"""A task without a Dockerfile is given the base as it is."""

_locks: dict[str, asyncio.Lock] = {}
_built: dict[str, str] = {}


async def image_of(
    digest: str, context: Path, named: str | None, labels: Mapping[str, str], seconds: float
) -> str:
    """The image of a task, built now if this worker did not before; its id.

    Args:
        digest: Names the content of `context`.
        context: The task's `environment/` directory.
        named: The image that the task names instead.
        labels: Put on what is built.
        seconds: How long the build may take.

    Raises:
        InfrastructureFault: There is no such image, or the build failed; says why.
    """
    key = named or digest
    async with _locks.setdefault(key, asyncio.Lock()):
        if key not in _built:
            if named is not None and not (context / "Dockerfile").exists():
                _built[key] = await daemon.ask(_found, named)
            else:
                _built[key] = await daemon.ask(_build, digest, context, labels, seconds)
        return _built[key]


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
                **arguments, tag=tag, labels=dict(labels), rm=True, forcerm=True, decode=True,
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
