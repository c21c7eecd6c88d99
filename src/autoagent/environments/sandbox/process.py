"""The `process` environment: trials without a sandbox, for machines that cannot make one.

UNSANDBOXED. A trial has the same root directory as in the sandbox, but its commands are
plain processes of the worker's user. There is no mount namespace, so the task's absolute
paths are rewritten to the trial's directory (`rewriting` has the rule):

- which: `/app`, `/tests`, `/solution`, `/logs`, and the image's WORKDIR if it is elsewhere;
- where: in commands, `cwd`, values of variables, and UTF-8 text files that are copied in
  (COPY, uploads). Binary files, links, output and files that a command writes stay as they are;
- `/tests`, `/solution` and `/logs/verifier` are kept outside the root and filled outside the
  agent phase, in which those paths mean empty directories in the root.

What that does not give, plainly:

- Any other absolute path is the machine's own: what a command or a RUN instruction writes
  there stays there, `/tmp` is shared, and COPY to such a path ends in the root, unseen.
- A hostile candidate reads the tests and the solutions and writes what it likes, as the user
  who runs the worker. Nothing here is a barrier; every status says so.
- The task's network policy is not enforced.
- When a command ends, is cancelled or runs out of time, all it started is ended, new
  sessions included (`inside.warden`); a process that stops its warden first survives.
"""

import asyncio
import contextlib
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, override

from harbor.environments.base import ExecResult

from autoagent.environments.sandbox import bubblewrap, rewriting
from autoagent.environments.sandbox.commands import run_plain
from autoagent.environments.sandbox.images import Image
from autoagent.environments.sandbox.rewriting import Rewriting
from autoagent.environments.sandbox.sandbox import GUARDED, SandboxEnvironment

REWRITTEN = ("/app", "/tests", "/solution", "/logs")
_NEVER = ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
"""A WORKDIR that is one of these stays the machine's: every program would be rewritten."""
_WARDEN = [sys.executable, "-I", "-S", "-B", str(bubblewrap.INSIDE / "warden.py")]


class ProcessEnvironment(SandboxEnvironment):
    """One trial's environment, with nothing between it and the machine."""

    def __init__(self, *args: Any, images: str, scratch: str, **kwargs: Any) -> None:
        """Describe the environment; its images are kept apart from the sandbox's."""
        own = str(Path(images, "process"))
        super().__init__(*args, images=own, scratch=scratch, **kwargs)

    @staticmethod
    @override
    def type() -> str:
        return "process"

    @override
    async def start(self, force_build: bool) -> None:
        """Make the trial's root directory, its text files rewritten to it."""
        await super().start(force_build)
        with self._our_faults():
            self._link_guarded()

    @override
    @contextlib.asynccontextmanager
    async def agent_phase(self) -> AsyncGenerator[None]:
        """While the candidate acts, guarded paths mean other, empty directories."""
        for path in GUARDED:
            self._root().empty(path)
        try:
            async with super().agent_phase():
                yield
        finally:
            with self._our_faults():
                self._link_guarded()

    @override
    async def upload_file(self, source_path: Path | str, target_path: str) -> None:
        with self._rewritten(Path(source_path)) as source:
            await super().upload_file(source, target_path)

    @override
    async def upload_dir(self, source_dir: Path | str, target_dir: str) -> None:
        with self._rewritten(Path(source_dir)) as source:
            await super().upload_dir(source, target_dir)

    @override
    def _require(self) -> None:
        rewriting.require_plain(self._scratch)

    @override
    def _find_outside(self) -> None:
        """Nothing is started elsewhere, and its files are whoever's who runs this."""

    @override
    def _fill(self, image: Image, root: Path) -> None:
        """The root's text files say where the guarded paths are in the agent phase."""
        rewriting.copy(image.root, root, _within(root, image.workdir).text)

    @override
    async def _run(
        self,
        image: Image,
        place: str,
        command: Sequence[str],
        timeout_sec: float | None,
        *,
        building: bool = False,
    ) -> ExecResult:
        inner = _within(image.root, image.workdir) if building else self._rewriting(image)
        variables = {name: inner.text(value) for name, value in image.variables.items()}
        arguments = [_directory(image.root, place, inner), *map(inner.text, command)]
        ours = self._own_variables(bubblewrap.packages())
        if building:  # what was copied in before must be fit to run, and stay fit to be moved
            await asyncio.to_thread(rewriting.change_tree, image.root, inner.text)

        def plain(found: Mapping[str, str]) -> Coroutine[Any, Any, ExecResult]:
            return run_plain(
                [*self._entering(building=building), *_WARDEN, *arguments],
                timeout_sec,
                variables={**_variables(image.root), **ours, **variables, **found},
                place=image.root,
                ending=signal.SIGTERM,
            )

        door = None if building else self._door(own_network=False)
        result = await (door.answer_while(plain) if door else plain({}))
        if building:
            await asyncio.to_thread(rewriting.change_tree, image.root, inner.undone)
        return result

    @override
    def _placed(self, path: str) -> tuple[Any, str]:
        """A path that a command printed (`pwd`) is known again."""
        if self._image is not None and self._home is not None:
            path = self._rewriting(self._image).undone(path)
        return super()._placed(path)

    @override
    def _leftovers(self, told: Callable[[str], str] = str) -> str | None:
        """Links lead to where the task's directories are on the machine."""
        assert self._home is not None
        root = self._home / "root"
        places = {str(self._home / name): path for path, name in GUARDED.items()} | {str(root): ""}

        def undone(text: str) -> str:
            place = next((one for one in places if f"{text}/".startswith(f"{one}/")), "")
            return text if not place else (places[place] + text.removeprefix(place)) or "/"

        return super()._leftovers(undone)

    def _rewriting(self, image: Image) -> Rewriting:
        """Where the task's directories are in this phase."""
        assert self._home is not None
        root = self._home / "root"
        if self._acting:
            return _within(root, image.workdir)
        guarded = {path: str(self._home / name) for path, name in GUARDED.items()}
        return _within(root, image.workdir, guarded)

    def _link_guarded(self) -> None:
        """For a path put together from pieces: `Path("/logs") / "verifier"`."""
        assert self._home is not None
        for path, name in GUARDED.items():
            self._root().remove(path)
            (self._home / "root" / path[1:]).symlink_to(self._home / name)

    @contextlib.contextmanager
    def _rewritten(self, source: Path) -> Generator[Path]:
        """A copy of a file or a directory, its text files rewritten."""
        if self._image is None:
            raise RuntimeError("The environment is not running.")
        with self._our_faults(), tempfile.TemporaryDirectory(dir=self._scratch) as place:
            target = Path(place, source.name)
            rewriting.copy(source, target, self._rewriting(self._image).text)
            yield target


def _within(root: Path, workdir: str, elsewhere: dict[str, str] | None = None) -> Rewriting:
    """All of the task's directories below `root`, but for those that are `elsewhere`."""
    paths = {*REWRITTEN, workdir.rstrip("/") or "/"} - set(_NEVER)
    places = {path: f"{root}{path}" for path in paths} | (elsewhere or {})
    return Rewriting(places, root.parent)


def _directory(root: Path, place: str, inner: Rewriting) -> str:
    """Where a command starts: a directory of the root's if it is there, else the machine's."""
    rewritten = inner.text(place)
    if rewritten == place and (root / place.lstrip("/")).is_dir():
        return str(root / place.lstrip("/"))
    return rewritten


def _variables(root: Path) -> dict[str, str]:
    """What every command finds set: nothing of the worker's, and the worker's own Python first."""
    prefix = Path(sys.base_prefix).resolve()
    path = bubblewrap.SYSTEM_PATH
    return {
        "HOME": str(root / "root"),
        "LANG": "C.UTF-8",
        "PATH": path if prefix == Path("/usr") else f"{prefix / 'bin'}:{path}",
        "PYTHONNOUSERSITE": "1",
        "TMPDIR": str(root / "tmp"),
    }
