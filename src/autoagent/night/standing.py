"""Where the climb stands, read from its journal without a word to the server that plays it."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from autoagent.config import Config
from autoagent.evidence import events
from autoagent.evidence.journal import GENESIS, Journal
from autoagent.evidence.position import Position
from autoagent.evidence.untrusted import one_line
from autoagent.files import process_facts
from autoagent.referee import budget, evaluations
from autoagent.workspace.layout import Workspace

CAUSE = 300
"""Characters of an outage's cause."""


class Stand(NamedTuple):
    """A climb at one moment; `measuring` while a worker is at it.

    `outage` says why no trial begins, while a model's provider is out; `used_up` which caps of the
    budget nothing is left of, while a climb is played; `now` is the journal's hour.
    """

    position: Position
    head: str
    config: Config
    measuring: bool
    outage: str = ""
    used_up: str = ""
    now: float = 0.0

    @property
    def certifying_seconds(self) -> float:
        """About how long the certification will take, by what the champion's evaluation took."""
        best = self.position.incumbent
        if best is None or best.candidate == self.position.baseline:
            return 0.0
        return 2 * self.config.certify.passes * best.score.seconds

    def words(self) -> str:
        """Where it stands, in a sentence for whoever is to play on."""
        position, best = self.position, self.position.incumbent
        if position.phase == "new":
            return "No climb was started yet."
        left = budget.left(self.config.budget, position, self.now)
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
        told = journal.about(running.id, events.ProviderOut) if running and measuring else []
        causes = {entry.event.provider: entry.event.cause for entry in told}
        outage = "; ".join(one_line(cause, CAUSE) for cause in causes.values() if cause)
        now = journal.now()
        used_up = _used_up(position, config, now)
        return Stand(position, journal.head(), config, measuring, outage, used_up, now)


def _used_up(position: Position, config: Config, now: float) -> str:
    """The caps that nothing is left of, between two evaluations."""
    if position.running is not None or position.phase in ("new", "finished"):
        return ""
    left = budget.left(config.budget, position, now)
    return ", ".join(name for name in budget.CAPS if getattr(left, name) == 0)


def _alive(pid_file: Path) -> bool:
    """Whether a worker runs. Its lock is not tried: that would be in the way of who starts it."""
    try:
        facts = process_facts(pid_file.read_text())
    except OSError:
        return False
    return bool(facts) and facts[0] not in "ZX"
