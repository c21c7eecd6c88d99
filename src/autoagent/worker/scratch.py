"""An evaluation's scratch directory, whose path says nothing of this machine.

What a sandbox mounts can be read in it, in /proc/self/mountinfo: below the server's state that
would name the user and the workspace. So it lies elsewhere, closed to everybody, and the
evaluation's directory has a link to it. Where nothing can be run from there it stays.
"""

import logging
import os
import tempfile
from pathlib import Path

from autoagent.environments.kinds import kind_of
from autoagent.environments.trees import remove_tree
from autoagent.worker.engine import EvaluationSpec

ELSEWHERE = Path("/var/tmp")
PREFIX = "autoagent-"


def make_scratch(place: Path) -> None:
    """Make a scratch directory, to be found at `place`; what a killed worker left there goes."""
    remove_scratch(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    if _may_be_used(ELSEWHERE):
        home = Path(tempfile.mkdtemp(prefix=PREFIX, dir=ELSEWHERE))
        place.symlink_to(home / "scratch")
    (place.resolve()).mkdir()


def remove_scratch(place: Path) -> None:
    """Remove a scratch directory with everything in it, however deep."""
    if place.is_symlink():
        home = place.readlink().parent
        if home.parent == ELSEWHERE and home.name.startswith(PREFIX):
            remove_tree(home)
        place.unlink()
    remove_tree(place)


def sweep(spec: EvaluationSpec) -> None:
    """Remove what dead workers left where trials run, whatever killed them.

    Raises:
        InfrastructureFault: Nobody there answers.
    """
    for what in kind_of(spec.environment).sweep(spec.journal.parent, spec.directory):
        logging.warning("removed %s, which a dead worker left", what)


def _may_be_used(directory: Path) -> bool:
    """Whether files can be made there, and run."""
    try:
        flags = os.statvfs(directory).f_flag
    except OSError:
        return False
    return os.access(directory, os.W_OK) and not flags & (os.ST_NOEXEC | os.ST_RDONLY)
