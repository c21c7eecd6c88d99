"""Where the climb stands, read from its journal without a word to the server that plays it."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from autoagent.config import Config
from autoagent.evidence import events
from autoagent.evidence.journal import GENESIS, Journal
from autoagent.evidence.position import Position
from autoagent.referee import budget, evaluations
from autoagent.workspace.layout import Workspace


class Stand(NamedTuple):
    """A climb at one moment; `measuring` while a worker is at it."""

    position: Position
    head: str
    config: Config
    measuring: bool

    @property
    def certifying_seconds(self) -> float:
        """About how long the certification will take, by what the champion's evaluation took."""
        best = self.position.incumbent
        if best is None or best.candidate == self.position.baseline:
            return 0.0
        return 2 * self.config.certify.passes * best.score.seconds

    def words(self, now: float) -> str:
        """Where it stands, in a sentence for whoever is to play on."""
        position, best = self.position, self.position.incumbent
        if position.phase == "new":
            return "No climb was started yet."
        left = budget.remaining(self.config.budget, position.spent, position.started_at, now)
        score = f"the incumbent passes {best.score.passed}/{best.score.expected}, " if best else ""
        return (
            f"The climb {position.tag} is in phase {position.phase}: {score}"
            f"{position.rows} ledger rows; left: {budget.in_words(left)}."
        )


def look(workspace: Workspace) -> Stand:
    """Where the climb of a workspace stands now.

    Raises:
        JournalError: The journal cannot be read.
    """
    if not workspace.journal.exists():
        return Stand(Position(), GENESIS, workspace.config, measuring=False)
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        stored, started = journal.position(), journal.last(events.ClimbStarted)
        position = Position.model_validate_json(stored) if stored else Position()
        config = Config.model_validate(started.event.config) if started else workspace.config
        running = position.running
        measuring = (
            running is not None
            and evaluations.ended(journal, running.id) is None
            and _alive(workspace.evaluations / running.id / "worker.pid")
        )
        return Stand(position, journal.head(), config, measuring)


def _alive(pid_file: Path) -> bool:
    """Whether a worker runs. Its lock is not tried: that would be in the way of who starts it."""
    try:
        state = Path("/proc", pid_file.read_text(), "stat").read_text().rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] not in "ZX"
