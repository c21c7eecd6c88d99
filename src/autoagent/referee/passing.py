"""A look at the passing trials of a candidate that is about to be kept: told, and never decided by.

It is one event beside the ledger's row, so that a human reads it in the report.
"""

from pathlib import Path

from autoagent.evidence import events
from autoagent.evidence.doubts import doubts_of
from autoagent.records import Standing, Verdict
from autoagent.referee.climb import Climb

MOST = 50
"""Doubtful trials that are written down."""


def look(climb: Climb, evaluated: Standing, verdict: Verdict) -> None:
    """Write down which passing trials of an edit that is kept give reason for a doubt."""
    if not verdict.keep or evaluated.candidate.parent is None:
        return
    found: dict[str, tuple[str, ...]] = {}
    for entry in climb.journal.about(evaluated.evaluation, events.TrialFinished):
        trial, place = entry.event.trial, Path(entry.event.directory)
        if trial.outcome == "passed" and trial.side == "" and len(found) < MOST:
            doubts = tuple(doubts_of(place))
            found |= {trial.id: doubts} if doubts else {}
    if found:
        climb.append(events.PassesDoubted(trials=found), evaluated.candidate.id)
