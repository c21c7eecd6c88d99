"""Where the climb stands, left in the workspace for those who cannot ask: a client's hooks.

The journal may be another user's, and a hook has a fraction of a second, so what the referee
knows is written out for it. It is a projection like the ledger: nothing is decided by it.
"""

import hashlib
import json
import time
from contextlib import suppress
from typing import Any

from autoagent.errors import AutoAgentError
from autoagent.files import read_regular, write_durably
from autoagent.referee.climb import Climb
from autoagent.referee.ending.worth import worth
from autoagent.referee.telling import reading


def show(climb: Climb) -> None:
    """Write `.autoagent/status.json`; where that fails, the next move tries again.

    It says what a status says; what a climb is `worth` that is over; `until`, the Unix time at
    which the hours run out, or null; and `harness` with the `fixed` section that the file has to
    end in (its bytes, and their SHA-256).
    """
    if climb.position.phase == "new":
        return
    with suppress(OSError, AutoAgentError):  # no reason to refuse the call that moved the climb
        text = json.dumps(_facts(climb), indent=1)
        climb.workspace.status.parent.mkdir(exist_ok=True)
        write_durably(climb.workspace.status, text.encode())


def _facts(climb: Climb) -> dict[str, Any]:
    status = reading.status(climb)
    hours = status.budget_left.hours
    fixed = read_regular(climb.frozen.directory / "fixed.py")
    return status.model_dump(mode="json") | {
        "worth": worth(status) if status.phase == "finished" else "",
        "until": None if hours is None else time.time() + hours * 3600,
        "harness": climb.workspace.harness.name,
        "fixed": {"bytes": len(fixed), "sha256": hashlib.sha256(fixed).hexdigest()},
    }
