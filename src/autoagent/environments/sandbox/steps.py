"""What a trial carries from one step of its task to the next, and what of it is the task's own.

Each step's verifier starts with what the image had, as any verifier does. The next step goes on
with what the candidate left: what was set aside for the verifier is put back. What differs from the
image is counted from when the candidate first acted, whoever wrote it since: so nothing that it
leaves in one step, or has a verifier or a setup leave, steers a later step's verifier unseen. A
file that the task brings between two steps (`workdir/`) is the task's as long as it is the same.
"""

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.tampering.change import ADDED, MODIFIED, Change


class Carried:
    """What one trial carries.

    Attributes:
        since: The change time of a file that was made before the candidate first acted; None
            before that.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.since: int | None = None
        self._aside: list[tuple[Path, str]] = []
        self._brought: dict[str, tuple[int, bytes]] = {}

    def set_aside(self, root: Beneath, path: str) -> None:
        """Keep what the candidate left at a path that is made as the image has it."""
        if (aside := root.set_aside(path)) is not None:
            self._aside.append((aside, path))

    def put_back(self, root: Beneath) -> None:
        """Give the candidate back what was set aside for the verifier."""
        while self._aside:
            aside, path = self._aside.pop()
            with suppress(OSError, ValueError):  # a verifier made something else of the way there
                root.put_back(aside, path)

    def bring(self, source: Path, target: str) -> None:
        """Remember files of the task's that are put into the trial before a step."""
        for file in source.rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                path = f"{target.rstrip('/')}/{file.relative_to(source)}"
                self._brought[path] = len(data), sha256(data).digest()

    def judged(self, root: Beneath, change: Change) -> Change | None:
        """A change as it is to be judged: none, where the task's own file is there as it came."""
        brought = self._brought.get(change.path)
        if brought is None or change.kind != ADDED:
            return change
        return None if _is(root, change.path, *brought) else Change(change.path, MODIFIED)


def _is(root: Beneath, path: str, size: int, digest: bytes) -> bool:
    """Whether a plain file that no link leads to has this content."""
    place, _, name = path.rpartition("/")
    try:
        with root.directory(place or "/", follow=False) as parent:
            facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except (OSError, ValueError):
        return False
    is_as_long = stat.S_ISREG(facts.st_mode) and facts.st_size == size
    return is_as_long and sha256(root.content(path, size)).digest() == digest
