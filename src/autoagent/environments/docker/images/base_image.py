"""The base image of the tasks: built from the workspace's Dockerfile.base, and known again.

A base is stale when it was not built from the Dockerfile.base and the shared files (`base/`)
that are there now. Its label says which ones it was built from; a base that plain
`docker build` made has none, and is taken as it is. Nothing here knows a task.
"""

import contextlib
import hashlib
import io
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal

import docker
from docker.errors import DockerException, ImageNotFound
from docker.utils import build as contexts
from dockerfile_parse import DockerfileParser

from autoagent.environments.docker.daemon import LABEL_PREFIX, knock
from autoagent.errors import InfrastructureFault, WorkspaceError
from autoagent.files import read_regular
from autoagent.records import Record
from autoagent.workspace.tasks.building.recipe import BASE_IMAGE
from autoagent.workspace.tasks.task_files import BASE, base_below, digest_on

DOCKERFILE = "Dockerfile.base"
DIGEST_LABEL = f"{LABEL_PREFIX}base.dockerfile"
"""On a base image: the digest of the Dockerfile.base and the `base/` that it was built from."""
BUILD = "`autoagent image build`"

BaseState = Literal["fresh", "stale", "missing", "unlabelled"]


class Base(Record):
    """What the daemon has under the name of the base image."""

    state: BaseState
    detail: str


@contextlib.contextmanager
def daemon() -> Generator[Any]:
    """A client of the Docker daemon that the environment names.

    Raises:
        InfrastructureFault: None answers, or it refused what it was asked.
    """
    knock()
    try:
        client: Any = docker.from_env()  # pyright: ignore[reportUnknownMemberType]
    except DockerException as error:
        raise InfrastructureFault(
            f"No Docker daemon answers: {error}.", "start one, and look with `docker info`"
        ) from error
    try:
        yield client
    except DockerException as error:
        raise InfrastructureFault(f"The Docker daemon refused: {error}.") from error
    finally:
        client.close()


def build_base(
    root: Path, base: str | None = None, *, network: str | None = None, name: str = BASE_IMAGE
) -> Generator[str, None, str]:
    """Build the workspace's base image, yielding what the build prints.

    Args:
        root: The workspace.
        base: Another image to start from than the Dockerfile says.
        network: The network of the build's own commands; Docker's default where None.
        name: What the image is called; tasks say `FROM autoagent-base`.

    Returns:
        The image's id.

    Raises:
        WorkspaceError: There is no Dockerfile.base.
        InfrastructureFault: No daemon answers, or the build failed; its last line is told.
    """
    text = _dockerfile(root)
    said = ""
    with daemon() as client, _context(root, text) as context:
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=DOCKERFILE,
            tag=name,
            labels={DIGEST_LABEL: _digest(root, text)},
            buildargs={"BASE": base} if base else {},
            network_mode=network,
            rm=True,
            forcerm=True,
            decode=True,
        )
        for event in events:
            said = str(event.get("error", said)).strip()
            if line := str(event.get("stream", "")).rstrip():
                yield line
        if said:
            raise InfrastructureFault(
                f"{root / DOCKERFILE} was not built: {said}.",
                f"{BUILD} with --base IMAGE where the image after FROM cannot be had",
            )
        return str(client.images.get(name).id)


def find_base(root: Path, name: str = BASE_IMAGE) -> Base:
    """Whether the daemon has the base image that the workspace's Dockerfile.base describes.

    Raises:
        WorkspaceError: There is no Dockerfile.base to compare with.
        InfrastructureFault: No daemon answers.
    """
    with daemon() as client:
        try:
            image = client.images.get(name)
        except ImageNotFound:
            return Base(state="missing", detail=f"there is no image {name}")
        built_from = image.labels.get(DIGEST_LABEL)
        name = f"{name} ({image.short_id.removeprefix('sha256:')})"
    if built_from is None:
        said = f"{name} was built by hand: whether it is that of {DOCKERFILE} cannot be told"
        return Base(state="unlabelled", detail=said)
    if built_from != _digest(root, _dockerfile(root)):
        said = f"{name} is stale: {root / DOCKERFILE} or {BASE}/ has changed since it was built"
        return Base(state="stale", detail=said)
    return Base(state="fresh", detail=f"{name} is that of {DOCKERFILE}")


def base_row(root: Path, *, needed: bool) -> tuple[str, Literal["ok", "note"]]:
    """What `autoagent doctor` says of the daemon and the base image, and whether that is well.

    Raises:
        AutoAgentError: The workspace needs a base image that cannot be used.
    """
    try:
        base = find_base(root)
    except (InfrastructureFault, WorkspaceError) as error:
        if needed:
            raise
        return f"not used; {error.message}", "note"
    if not needed:
        return f"not used; {base.detail}", "note"
    if base.state in ("missing", "stale"):
        raise WorkspaceError(f"{base.detail}.")
    return base.detail, "ok" if base.state == "fresh" else "note"


def _dockerfile(root: Path) -> bytes:
    path = root / DOCKERFILE
    if not path.exists():
        raise WorkspaceError(
            f"{path} is not there, and it describes the tasks' base image.",
            f"write one, then {BUILD}",
        )
    return read_regular(path)


def _digest(root: Path, dockerfile: bytes) -> str:
    return digest_on(base_below(root), hashlib.sha256(dockerfile).hexdigest())


def _context(root: Path, dockerfile: bytes) -> Any:
    """The build's context: the workspace where the Dockerfile copies from it, else nothing of it.

    Raises:
        InfrastructureFault: A file of the context cannot be read.
    """
    read: Any = io.BytesIO(dockerfile)
    copies = any(
        step["instruction"] in ("COPY", "ADD") and "--from=" not in step["value"]
        for step in DockerfileParser(fileobj=read).structure
    )
    make: Any = contexts
    place, text = str(root), dockerfile.decode()
    if not copies:
        return make.create_archive(place, files=[], extra_files=[(DOCKERFILE, text)])
    ignored = root / ".dockerignore"
    lines = ignored.read_text().splitlines() if ignored.exists() else []
    patterns = [line for line in lines if line.strip() and not line.startswith("#")]
    try:
        return make.tar(place, exclude=patterns, dockerfile=(DOCKERFILE, text))
    except OSError as error:
        raise InfrastructureFault(f"The context of {root / DOCKERFILE}: {error}.") from error
