"""`autoagent certify`: what a finished climb is worth, where its budget had no room to find out.

The human asks and the human pays, so no cap of the climb holds. The rules are the referee's: a
certification is done once, and one that was cut short goes on where it stopped.
"""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from autoagent.commands.after.verify import journal_of
from autoagent.commands.during.run import POLL_SECONDS
from autoagent.referee.referee import Referee
from autoagent.referee.telling.views import Progress, Status
from autoagent.workspace.layout import open_workspace


def certify(root: Path, on_progress: Callable[[Progress], None]) -> Status:
    """Certify the last climb of a workspace, and wait until that is done.

    An interrupt leaves the measurement running; the same command rejoins it.

    Raises:
        WorkspaceError: No climb was started here.
        OutOfOrder: The climb is not over, or there is nothing to certify.
        WorkspaceBusy: A server has the workspace open.
    """
    with journal_of(open_workspace(root)):
        pass  # where there is none, that is the answer
    with closing(Referee.open(root)) as referee:
        referee.certify()
        while referee.advance().phase == "certifying":
            if progress := referee.progress():
                on_progress(progress)
            time.sleep(POLL_SECONDS)
        return referee.status()
