"""What a candidate left in a sandbox's root directory, held against its image and its machine."""

import sys
from collections import Counter
from pathlib import Path, PurePosixPath

from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.bubblewrap import MOUNTED
from autoagent.environments.sandbox.images import Image
from autoagent.environments.tampering import survey
from autoagent.environments.tampering.leftovers import Budget, Leftover, judge


def tampering(root: Path, made_of: Image, work: str, aside: Path) -> str | None:
    """What leads the verifier to its own files, in a sentence, or None.

    Args:
        root: The trial's root directory; nothing of the candidate's is alive.
        made_of: Its image.
        work: Where the task works.
        aside: Where what was in our way was moved to; it is out of the verifier's reach.

    Raises:
        InfrastructureFault: The look took longer than it can on a machine that works.
    """
    image, mounted = Beneath(made_of.root), made_of.mounted(work)

    def system(path: str) -> str | None:
        if not made_of.has_system:
            return of_system(path)
        found = known(path) if path.split("/")[1] in mounted else None
        return found.text if found and found.kind == "link" else None

    def read(budget: Budget) -> list[Leftover]:
        found = survey.read(root, budget, skip=mounted)
        if any(one.kind == "file" for one in found) and aside.exists():
            found = _without(found, survey.read(aside, budget))
        return found

    def known(path: str) -> Leftover | None:
        place = PurePosixPath(path)
        try:
            with image.directory(str(place.parent)) as directory:
                return survey.one(place.name, path, directory)
        except (OSError, ValueError):
            return None

    return judge(read, known, system)


def of_system(path: str) -> str | None:
    """The text of a link in the directories that are mounted over the trial's, or None."""
    top, _, rest = path[1:].partition("/")
    if not rest or top not in MOUNTED or top in ("proc", "dev"):
        return None
    if top == "python":
        path = str(Path(sys.base_prefix).resolve() / rest)
    try:
        return str(Path(path).readlink())
    except OSError:
        return None


def _without(found: list[Leftover], aside: list[Leftover]) -> list[Leftover]:
    """The same files, without the names that they have elsewhere."""
    names = Counter(one.inode for one in aside)
    return [one._replace(names=one.names - names[one.inode]) for one in found]
