"""Looking on where another process referees: what stands is seen, and nothing is moved."""

from pathlib import Path

from autoagent.errors import WorkspaceBusy
from autoagent.evidence.journal import Journal
from autoagent.referee import moves
from autoagent.referee.climb import Climb
from autoagent.referee.referee import Referee
from autoagent.worker.detached import DetachedEngine
from autoagent.workspace.layout import WorkspaceLock, open_workspace
from autoagent.workspace.tier import TIER_0


def look(root: Path, busy: WorkspaceBusy | None = None, tier: str = TIER_0) -> Referee:
    """A referee that only reads; what it knows is as of now, so it is made anew for each call.

    Args:
        root: The workspace.
        busy: Who holds it, which every move is refused with; None where nothing is to be moved.
        tier: As for `Referee.open`.

    Raises:
        JournalError: There is none to read yet.
    """
    workspace = open_workspace(root)
    journal = Journal(workspace.journal, read_only=True)
    climb = Climb(workspace, DetachedEngine(workspace.evaluations), journal, tier)
    if busy is not None:
        busy.next_call = moves.LOOK_ON
        climb.trouble = busy
    return Referee(climb, WorkspaceLock(workspace.lock), busy)
