"""The phases of a trial in a sandbox: a candidate acts, a verifier starts, another step begins.

`/tests`, `/solution` and `/logs/verifier` are the verifier's own directories, which the candidate
never sees. When it has acted, what it left is looked at; the verifier starts with what the image
had. Where the task has another step, the candidate goes on with what it left.
"""

import asyncio
import contextlib
import secrets
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from autoagent.environments.refereed import to_its_end
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.images import Image
from autoagent.environments.sandbox.system import OwnSystem
from autoagent.environments.sandbox.transfers import Transfers
from autoagent.environments.sandbox.verifying import looking, remains

GUARDED = {"/tests": "tests", "/solution": "solution", "/logs/verifier": "verifier"}
"""Paths the agent phase never sees or fills, and the directories that hold them."""


class Phases(Transfers):
    """What is done between the phases of a trial."""

    _as_left: Sequence[str]
    _verifying: dict[str, str]
    _home: Path | None
    _image: Image | None
    _system: OwnSystem | None

    @property
    @abstractmethod
    def _work(self) -> str:
        """Where commands start."""

    @property
    @abstractmethod
    def _owner(self) -> int | None:
        """Who owns the trial's files, where that is not this process's user."""

    @abstractmethod
    def _root(self) -> Beneath:
        """The trial's root directory."""

    @abstractmethod
    def _mount_points(self) -> list[str]:
        """Empty directories of the root that something is mounted over in one of the phases."""

    @contextlib.asynccontextmanager
    async def agent_phase(self) -> AsyncGenerator[None]:
        """While the candidate acts: guarded paths are out of its sight and reach.

        Afterwards, with everything of the candidate dead, the places where they are mounted
        are plain empty directories again, whatever it made of them. What it did to steer the
        verifier, or to lead it to its own files, is remembered: such a trial scores 0.
        """
        await self._begin_step()
        if self._carried.since is None:
            self._carried.since = await asyncio.to_thread(self._moment)
        self._acting, self._preparing, self._verifying = True, False, {}
        try:
            yield
        finally:
            self._acting = False
            with self._our_faults():
                await to_its_end(asyncio.to_thread(self._end_agent_phase))

    async def _begin_step(self) -> None:
        """Go on where the candidate stopped; nothing of the verifier's own is in its sight.

        What prepares the step may run programs of the candidate's: it is held to what holds it.
        """
        if self._acting or self._carried.since is None:
            return
        with self._our_faults():
            await asyncio.to_thread(self._end_verifier)
        self._acting, self._preparing, self._verifying = True, True, {}

    def _moment(self) -> int:
        """The change time of a file that is made now."""
        assert self._home is not None
        place = self._home / "began"
        place.write_bytes(b"")
        return place.stat().st_ctime_ns

    def _start_verifier(self) -> str | None:
        """Give the verifier what the image had; what would steer it all the same, or None."""
        assert self._image is not None and self._home is not None
        task = self.environment_dir.parent
        as_left = str(task) in self._as_left
        if as_left:
            self.in_hand.as_left = True
        ground = looking.ground_of(self._image, self._work, task, as_left=as_left)
        said = looking.start(self._root(), self._image, ground, self._carried)
        if not as_left:
            place = f"/tmp/{secrets.token_hex(8)}"
            self._root().empty(place)
            # Compiled modules beside the candidate's sources are not looked at.
            self._verifying = {"TMPDIR": place, "PYTHONPYCACHEPREFIX": f"{place}/compiled"}
        return said

    def _leftovers(self) -> str | None:
        """What else the candidate left that leads the verifier to its own files."""
        assert self._image is not None and self._home is not None
        aside, work = self._home / "aside", self._work
        return remains.tampering(self._home / "root", self._image, work, aside)

    def _end_agent_phase(self) -> None:
        """Look at what was left, then make the places fresh where something is mounted."""
        root = self._root()
        left = self._leftovers()
        if self._system:
            left = self._system.replaced(root) or left
            self._system.begin()
        self.in_hand.note_tampering(self._start_verifier() or left)
        if not root.is_real_directory("/logs"):
            root.empty("/logs")
        for path in self._mount_points():
            root.empty(path)

    def _end_verifier(self) -> None:
        """Put back what the candidate left, and take away what is the verifier's own."""
        assert self._home is not None
        root = self._root()
        for name in GUARDED.values():
            Beneath(self._home / name, owner=self._owner).empty("/")
        if place := self._verifying.get("TMPDIR"):  # it may hold the verifier, compiled
            root.remove(place)
        self._carried.put_back(root)
        if self._system:
            self._system.resume()
        for path in self._mount_points():
            root.empty(path)
