"""Root directories built from a task's Dockerfile, once per content.

The sandbox's counterpart of an image: a directory tree plus a working directory and
variables. It starts from nothing around which the machine's system is mounted
(`autoagent-base`; what the tasks share, `base/`, is laid first, as the base image has it), or from
an image that was unpacked once. Only the instructions that `workspace.dockerfile` reads are
carried out.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from harbor.environments.base import ExecResult

from autoagent.environments.sandbox.beneath import AS_GIT, Beneath
from autoagent.environments.sandbox.bubblewrap import MOUNTED
from autoagent.environments.sandbox.unpacking import UnpackFailed, unpack_image
from autoagent.environments.trees import remove_tree
from autoagent.errors import InfrastructureFault, TaskError
from autoagent.files import digest_of, tree_digest
from autoagent.workspace.tasks.building.dockerfile import image_recipe, read_dockerfile
from autoagent.workspace.tasks.building.oci import ImageFacts
from autoagent.workspace.tasks.building.recipe import (
    Copy,
    Env,
    Layer,
    Recipe,
    Run,
    Workdir,
    system_of,
)
from autoagent.workspace.tasks.building.shelf import frozen_shelf
from autoagent.workspace.tasks.task_files import base_of, digest_on

WORKDIR = "/app"


class Image(NamedTuple):
    """A built root directory, and what its commands start with.

    `has_system`: its programs and libraries are its own, and not this machine's.
    """

    root: Path
    workdir: str
    variables: Mapping[str, str]
    has_system: bool = False

    def system(self, work: str) -> tuple[str, ...]:
        """Its own top directories that a verifier finds as they were, where a task works there."""
        if not self.has_system:
            return ()
        with os.scandir(self.root) as entries:
            top = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        return system_of(top, work)

    def links(self) -> dict[str, str]:
        """Its own links at the root, such as /bin, and what each says."""
        if not self.has_system:
            return {}
        with os.scandir(self.root) as entries:
            return {
                entry.name: str(Path(entry).readlink()) for entry in entries if entry.is_symlink()
            }

    def mounted(self, work: str) -> frozenset[str]:
        """Names directly below a task's root where something is mounted over what is there."""
        return frozenset({*self.system(work), "proc", "dev"}) if self.has_system else MOUNTED


BuildStep = Callable[[Image, tuple[str, ...]], Awaitable[ExecResult]]
"""Runs the argument list of a RUN instruction over the image being built."""


class BuildFailed(InfrastructureFault):
    """A RUN instruction failed, as it would again."""


class Images:
    """Built root directories, kept by content for every later evaluation."""

    # Shared by all trials of the worker.
    _locks: dict[str, asyncio.Lock] = {}  # noqa: RUF012
    _failed: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, directory: Path) -> None:
        """Keep images below `directory`."""
        self.directory = directory

    async def get(
        self, context: Path, build_step: BuildStep, owner: int | None, named: str | None = None
    ) -> Image:
        """The image of an environment directory, built now if it is not there yet.

        Args:
            context: The task's `environment/` directory.
            build_step: Carries out RUN instructions.
            owner: Whose the files are, so that RUN may change them; None is this process's user.
            named: The image that task.toml names, in the place of any Dockerfile.

        Raises:
            InfrastructureFault: A RUN instruction failed, now or before; its output is told.
        """
        recipe = await asyncio.to_thread(_recipe, context, named)
        digest = await asyncio.to_thread(_digest, context, recipe, named)
        build = _Build(self, recipe, context, build_step, owner)
        return await self._kept(f"{digest}-{_MADE}", build.fill)

    async def unpacked(self, facts: ImageFacts, name: str, owner: int | None) -> Image:
        """An image that others made, unpacked once."""

        async def fill(building: Path) -> Image:
            root = _new_root(building, owner)
            await asyncio.to_thread(unpack_image, facts, name, root, owner)
            remove_tree(building / "aside")
            return Image(root, facts.workdir, facts.env, has_system=True)

        whose = "own" if owner is None else owner
        return await self._kept(f"{facts.id}-of-{whose}-{_MADE}", fill)

    async def _kept(self, key: str, fill: Callable[[Path], Awaitable[Image]]) -> Image:
        place = self.directory / key
        async with self._locks.setdefault(str(place), asyncio.Lock()):
            if said := self._failed.get(str(place)):
                raise BuildFailed(said)
            if not (place / "image.json").exists():
                try:
                    await self._make(place, fill)
                except (BuildFailed, UnpackFailed) as failed:
                    self._failed[str(place)] = failed.message
                    raise
        facts = json.loads((place / "image.json").read_text())
        return Image(place / "root", **facts)

    async def _make(self, place: Path, fill: Callable[[Path], Awaitable[Image]]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix="building-", dir=self.directory))
        building.chmod(0o711)
        try:
            facts = (await fill(building))._asdict()
            del facts["root"]
            (building / "image.json").write_text(json.dumps(facts, default=dict))
            remove_tree(place)
            building.rename(place)
        except BaseException:
            remove_tree(building)
            raise


_MADE = 3
"""Counts how images are made: one of before, with other modes in it, is not taken for this."""


def _recipe(context: Path, named: str | None) -> Recipe:
    """What is built, from images as they were frozen."""
    shelf, dockerfile = frozen_shelf(context), context / "Dockerfile"
    if named is not None:
        recipe, problems = image_recipe(named, shelf)
        if problems:
            raise TaskError("\n".join(problems))
        return recipe
    return read_dockerfile(dockerfile, shelf) if dockerfile.exists() else Recipe()


def _digest(context: Path, recipe: Recipe, named: str | None) -> str:
    told = "" if named is not None else tree_digest(context)
    if recipe.images:
        ids = {name: facts.id for name, facts in recipe.images.items()}
        told = digest_of([("", False, json.dumps([told, ids], sort_keys=True).encode())])
    return told if recipe.base else digest_on(base_of(context), told)


def _new_root(building: Path, owner: int | None) -> Path:
    root = building / "root"
    root.mkdir()
    if owner is not None:
        os.chown(root, owner, owner)
    return root


class _Build:
    """One replay of a Dockerfile."""

    def __init__(
        self,
        images: Images,
        recipe: Recipe,
        context: Path,
        build_step: BuildStep,
        owner: int | None,
    ) -> None:
        self._images, self._recipe, self._owner = images, recipe, owner
        self._context, self._build_step = context, build_step

    async def fill(self, building: Path) -> Image:
        """Carry out every instruction over a new root."""
        image = await self._start(building)
        tree = Beneath(image.root, owner=self._owner)
        for step in self._recipe.steps:
            image = await self._carry_out(step, image, tree)
        if image.has_system:
            tree.put("/etc/resolv.conf", b"")
        remove_tree(building / "aside")
        return image

    async def _start(self, building: Path) -> Image:
        if base := self._recipe.base:
            facts = self._recipe.images[base]
            image = await self._images.unpacked(facts, base, self._owner)
            await asyncio.to_thread(_copy_all, image.root, building / "root")
            tree = Beneath(building / "root", owner=self._owner)
            tree.make_directory(image.workdir)
            return image._replace(root=building / "root")
        tree = Beneath(_new_root(building, self._owner), owner=self._owner)
        for path in (WORKDIR, "/root"):
            tree.make_directory(path)
        tree.empty("/tmp")
        if base := base_of(self._context):
            tree.write_tree(base, "/", AS_GIT)
        return Image(tree.root, WORKDIR, {})

    async def _carry_out(self, step: Layer, image: Image, tree: Beneath) -> Image:
        """One instruction; the image as the next instruction finds it."""
        match step:
            case Workdir(path=path):
                tree.make_directory(path)
                return image._replace(workdir=path)
            case Env(name=name, value=value):
                return image._replace(variables={**image.variables, name: value})
            case Copy(sources=sources, target=target, chmod=chmod, origin=origin):
                for source in sources:
                    place = await self._source(source, origin)
                    _copy(place, tree, target, chmod, into=len(sources) > 1)
                return image
            case Run(command=command, arguments=arguments):
                if image.has_system:
                    tree.put("/etc/resolv.conf", resolver())
                sees = image._replace(variables={**arguments, **image.variables})
                result = await self._build_step(sees, command)
                if result.return_code != 0:
                    raise BuildFailed(self._failure(image, command, result))
                return image

    async def _source(self, source: str, origin: str) -> Path:
        """Where what is copied lies; in an image no link leads to it."""
        if not origin:
            return self._context / source
        image = await self._images.unpacked(self._recipe.images[origin], origin, self._owner)
        place = Beneath(image.root)
        holder, _, name = source.rpartition("/")
        try:
            with place.directory(holder or "/", follow=False):
                pass
        except OSError as error:
            raise BuildFailed(f"COPY --from={origin} {source}: {error.strerror}.") from error
        if place.is_link(source) or not place.exists(source):
            raise BuildFailed(f"COPY --from={origin} {source}: there is no such file or directory.")
        return image.root / holder.lstrip("/") / name

    def _failure(self, image: Image, command: tuple[str, ...], result: ExecResult) -> str:
        output = f"{result.stdout or ''}{result.stderr or ''}".strip()[-1000:]
        where = "/".join((self._context / "Dockerfile").parts[-4:])
        why = "where root is the only user there is: whatever needs another needs containers"
        if not image.has_system:
            why = "where the system directories are read-only"
        said = f"`RUN {command[-1]}` exited {result.return_code} in the sandbox, {why}"
        return f"{where}: {said}: {output}"


def resolver() -> bytes:
    """Whom this machine asks for addresses."""
    try:
        return Path("/etc/resolv.conf").read_bytes()
    except OSError:
        return b""


def _copy_all(source: Path, target: Path) -> None:
    """Copy a root with its links, names, modes, times and owners; at no cost, where disks can."""
    command = ["cp", "--archive", "--reflink=auto", "--", str(source), str(target)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise InfrastructureFault(f"{source}: {done.stderr.decode('utf-8', 'replace')[-300:]}")


def _copy(source: Path, tree: Beneath, target: str, chmod: int | None, *, into: bool) -> None:
    """COPY: a directory's content goes into the target, a file becomes it or goes into it."""
    mode = AS_GIT if chmod is None else chmod
    if source.is_dir():
        tree.write_tree(source, target, mode)
    else:
        tree.write_file(source, f"{target.rstrip('/')}/" if into else target, mode)


def copy_tree(source: Path, target: Path, left_out: Collection[str] = ()) -> None:
    """Copy a tree with its links, modes and times, less some names directly below it."""

    def ignored(directory: str, names: list[str]) -> set[str]:
        return {*names} & {*left_out} if directory == str(source) else set()

    shutil.copytree(source, target, symlinks=True, ignore=ignored)
