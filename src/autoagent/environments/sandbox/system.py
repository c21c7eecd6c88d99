"""An image's own system around a trial: written over in one phase, as it was in the next.

Its top directories (/usr, /etc, /opt, /var …) are overlays over the image that was unpacked once,
so a trial costs no copy of them; what is written there lies beside the trial's root. A verifier
starts with none of it, and the candidate's next step with what its last one wrote. So a harness may
install what it works with, a verifier what it needs, and none of the candidate's programs is ever
the verifier's. Links such as /bin stand in the trial's own root, and are looked at.
"""

import posixpath
from pathlib import Path

from autoagent.environments.sandbox import bubblewrap
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.images import Image, resolver
from autoagent.environments.sandbox.outside import Outside


class OwnSystem:
    """The system of one trial.

    Attributes:
        names: Top directories that are the image's again in each phase.
    """

    def __init__(self, image: Image, work: str, home: Path, outside: Outside) -> None:
        """Lay it over a trial's root.

        Args:
            image: Whose system it is.
            work: Where the task works.
            home: The trial's own directory.
            outside: What its sandboxes are started in.
        """
        self._image, self._home, self._outside = image, home, outside
        self.names, self._links = image.system(work), image.links()
        self._phases = 0
        self._resolving: set[int] = set()
        self.begin()

    def begin(self) -> None:
        """Begin a phase: nothing was written yet. The first is the candidate's."""
        self._phases += 1
        self._phase = self._phases
        for name in self.names:
            for part in ("up", "work"):
                (self._written / name / part).mkdir(parents=True)
        for name in self.names:  # a directory looks as the image's
            (self._written / name / "up").chmod((self._image.root / name).stat().st_mode & 0o777)
        self._outside.give(self._written)

    def resume(self) -> None:
        """Go on with what the candidate wrote."""
        self._phase = 1

    def mounts(self, *, network: bool) -> list[str]:
        """What a command of this phase finds mounted over the trial's root."""
        if network and self._phase not in self._resolving and "etc" in self.names:
            self._resolving.add(self._phase)
            self._over("etc").put("/resolv.conf", resolver())
        found: list[str] = []
        for name in self.names:
            lower, written = self._image.root / name, self._written / name
            found += bubblewrap.overlay(self._outside, lower, written, f"/{name}")
        return [*found, *bubblewrap.image_around()]

    def placed(self, path: str, *, writing: bool) -> tuple[Beneath, str] | None:
        """Where a path of the system's lies, and the path in there; None for any other path."""
        _, first, *rest = path.split("/")
        if first in self._links:
            led = posixpath.normpath(posixpath.join("/", self._links[first], *rest))
            _, first, *rest = led.split("/")
        if first not in self.names:
            return None
        over, inner = self._over(first), "/" + "/".join(rest)
        if writing or over.exists(inner.rstrip("/") or "/.") and rest:
            return over, inner
        return Beneath(self._image.root), f"/{first}{inner}"

    def replaced(self, root: Beneath) -> str | None:
        """Which of the image's links at the root is another now, in a sentence, or None."""
        for name, text in self._links.items():
            place = root.root / name
            if not place.is_symlink() or str(place.readlink()) != text:
                return f"/{name} was replaced, which leads to the image's own files"
        return None

    @property
    def _written(self) -> Path:
        return self._home / f"written-{self._phase}"

    def _over(self, name: str) -> Beneath:
        return Beneath(self._written / name / "up", owner=self._outside.owner)
