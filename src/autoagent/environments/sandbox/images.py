"""Root directories built from a task's Dockerfile, once per content.

The sandbox's counterpart of an image: a directory tree plus a working directory and
variables. What the tasks share (`base/`) is laid first, as the base image has it. Only the
instructions that `workspace.dockerfile` reads are carried out.
"""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from harbor.environments.base import ExecResult

from autoagent.environments.sandbox.beneath import AS_GIT, Beneath
from autoagent.errors import InfrastructureFault
from autoagent.files import tree_digest
from autoagent.workspace.tasks.dockerfile import (
    Copy,
    Env,
    Layer,
    Recipe,
    Run,
    Workdir,
    read_dockerfile,
)
from autoagent.workspace.tasks.task_files import base_of, digest_on

WORKDIR = "/app"


class Image(NamedTuple):
    """A built root directory, and what its commands start with."""

    root: Path
    workdir: str
    variables: Mapping[str, str]


BuildStep = Callable[[Image, tuple[str, ...]], Awaitable[ExecResult]]
"""Runs the argument list of a RUN instruction over the image being built."""


class Images:
    """Built root directories, kept by content for every later evaluation."""

    _locks: dict[str, asyncio.Lock] = {}  # noqa: RUF012 - shared by all trials of the worker

    def __init__(self, directory: Path) -> None:
        """Keep images below `directory`."""
        self.directory = directory

    async def get(self, context: Path, build_step: BuildStep, owner: int | None) -> Image:
        """The image of an environment directory, built now if it is not there yet.

        Args:
            context: The task's `environment/` directory.
            build_step: Carries out RUN instructions.
            owner: Whose the files are, so that RUN may change them; None is this process's user.

        Raises:
            InfrastructureFault: A RUN instruction failed; its output is in the message.
        """
        place = self.directory / await asyncio.to_thread(_digest, context)
        async with self._locks.setdefault(str(place), asyncio.Lock()):
            if not (place / "image.json").exists():
                await self._build(place, context, build_step, owner)
        facts = json.loads((place / "image.json").read_text())
        return Image(place / "root", facts["workdir"], facts["variables"])

    async def _build(
        self, place: Path, context: Path, build_step: BuildStep, owner: int | None
    ) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=self.directory))
        building.chmod(0o711)
        try:
            root = building / "root"
            root.mkdir()
            if owner is not None:
                os.chown(root, owner, owner)
            tree = Beneath(root, owner=owner)
            for path in (WORKDIR, "/root"):
                tree.make_directory(path)
            tree.empty("/tmp")
            if base := base_of(context):
                tree.write_tree(base, "/", AS_GIT)
            dockerfile = context / "Dockerfile"
            recipe = read_dockerfile(dockerfile) if dockerfile.exists() else Recipe()
            image = Image(root, WORKDIR, {})
            for step in recipe.steps:
                image = await _carry_out(step, image, tree, context, build_step)
            facts = {"workdir": image.workdir, "variables": dict(image.variables)}
            (building / "image.json").write_text(json.dumps(facts))
            shutil.rmtree(place, ignore_errors=True)
            building.rename(place)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise


_MADE = 2
"""Counts how images are made: one of before, with other modes in it, is not taken for this."""


def _digest(context: Path) -> str:
    return f"{digest_on(base_of(context), tree_digest(context))}-{_MADE}"


async def _carry_out(
    step: Layer,
    image: Image,
    tree: Beneath,
    context: Path,
    build_step: BuildStep,
) -> Image:
    """One instruction; the image as the next instruction finds it."""
    match step:
        case Workdir(path=path):
            tree.make_directory(path)
            return image._replace(workdir=path)
        case Env(name=name, value=value):
            return image._replace(variables={**image.variables, name: value})
        case Copy(sources=sources, target=target, chmod=chmod):
            for source in sources:
                _copy(context / source, tree, target, chmod, into=len(sources) > 1)
            return image
        case Run(command=command, arguments=arguments):
            sees = image._replace(variables={**arguments, **image.variables})
            result = await build_step(sees, command)
            if result.return_code != 0:
                output = f"{result.stdout or ''}{result.stderr or ''}".strip()[-1000:]
                place = f"tasks/{context.parent.name}/environment/Dockerfile"
                raise InfrastructureFault(
                    f"{place}: `RUN {command[-1]}` exited {result.return_code} in the "
                    f"sandbox, where the system directories are read-only: {output}"
                )
            return image


def _copy(source: Path, tree: Beneath, target: str, chmod: int | None, *, into: bool) -> None:
    """COPY: a directory's content goes into the target, a file becomes it or goes into it."""
    mode = AS_GIT if chmod is None else chmod
    if source.is_dir():
        tree.write_tree(source, target, mode)
    else:
        tree.write_file(source, f"{target.rstrip('/')}/" if into else target, mode)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with its links, modes and times."""
    shutil.copytree(source, target, symlinks=True)
