"""What a human should hear of while a night goes on, each thing once: no news is good news.

It reads where the climb stands and decides nothing.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from autoagent.config import Night as Terms
from autoagent.evidence import events
from autoagent.evidence.journal import Journal
from autoagent.night.standing import Stand
from autoagent.referee.telling.plateau import since_keep
from autoagent.workspace.layout import Workspace


class News(NamedTuple):
    """What happened, in a word for programs and a sentence for people."""

    event: str
    message: str


class Attention:
    """Compares each look with the ones before it."""

    def __init__(self, workspace: Workspace, terms: Terms) -> None:
        """Nothing was seen yet."""
        self._workspace, self._terms = workspace, terms
        self._outage = self._used_up = ""
        self._head, self._moved, self._quiet = "", 0.0, False
        self._rows, self._flat = 0, False

    def news(self, stand: Stand, now: float) -> Iterator[News]:
        """What is new and should be told.

        Args:
            stand: Where the climb stands.
            now: Seconds of a clock that is never set back.
        """
        if stand.outage and stand.outage != self._outage:
            yield News("outage", f"No trial begins until it answers again: {stand.outage}")
        self._outage = stand.outage
        if stand.used_up and stand.used_up != self._used_up:
            yield News("budget", f"Nothing is left of the budget's {stand.used_up}.")
        self._used_up = stand.used_up
        if stand.head != self._head or stand.measuring:
            self._head, self._moved, self._quiet = stand.head, now, False
        minutes = (now - self._moved) / 60
        playing = stand.position.phase != "finished"
        if minutes >= self._terms.quiet_minutes and playing and not self._quiet:
            self._quiet = True
            yield News("quiet", f"Nothing was called for {minutes:.0f} minutes.")
        if stand.position.rows != self._rows:
            self._rows = stand.position.rows
            since = self._since_keep()
            if since < self._terms.plateau:
                self._flat = False
            elif not self._flat:
                self._flat = True
                yield News("plateau", f"{since} candidates were measured since one was kept.")

    def _since_keep(self) -> int:
        with closing(Journal(self._workspace.journal, read_only=True)) as journal:
            began = journal.last(events.ClimbStarted)
            return since_keep(journal.newest(events.ResultRecorded, began.seq if began else 0))
