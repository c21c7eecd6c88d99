"""`autoagent export`: everything a workspace's journal says, as one JSON object. Reads only.

The ledger's seven columns say what became of a candidate; here is why, trial by trial, by which
rules, how far the referee was from the player, and the head that all of it hashes to. Held-out
tasks are counted and never named, because what is exported gets around.
"""

from pathlib import Path
from typing import Any

from autoagent.commands.after.verify import journal_of
from autoagent.evidence.journal import Journal
from autoagent.records import Record
from autoagent.referee.evaluations import trials_of
from autoagent.report.played import Decided, Measured, Played, climbs
from autoagent.workspace.layout import open_workspace

FORMAT = 1
UNRECORDED = "not recorded"
"""The tier of a climb from before it was written down."""


def export(root: Path) -> dict[str, Any]:
    """The journal of a workspace, climb by climb.

    Raises:
        WorkspaceError: No climb was started here.
        JournalError: The journal was changed; names the event.
    """
    workspace = open_workspace(root)
    with journal_of(workspace) as journal:
        last = journal.check()
        return {
            "format": FORMAT,
            "workspace": str(workspace.root),
            "events": last.seq if last else 0,
            "head": journal.head(),
            "climbs": [_climb(journal, climb) for climb in climbs(journal)],
        }


def _climb(journal: Journal, climb: Played) -> dict[str, Any]:
    started = climb.started
    facts: dict[str, Any] = {
        "tag": started.tag,
        "started_at": climb.at,
        "tier": started.tier or UNRECORDED,
        "isolation": started.isolation,
        "model": started.model,
        "gate": started.config.get("gate"),
        "snapshot": started.snapshot,
        "tasks": list(climb.tasks),
        "held_out": climb.held_out,
        "excluded": dict(climb.excluded),
        "candidates": [_json(one) for one in climb.candidates.values()],
        "evaluations": [_evaluation(journal, one) for one in climb.evaluations.values()],
        "rows": [_json(one.row) for one in climb.rows],
        "certificate": _json(climb.certificate) if climb.certificate else None,
        "ended": climb.ended,
    }
    if started.continues:
        facts["continues"] = True
    if climb.as_left:
        facts["as_left"] = list(climb.as_left)
    if climb.uncertified is not None:
        facts["uncertified"] = climb.uncertified
    return facts


def _evaluation(journal: Journal, one: Measured) -> dict[str, Any]:
    running = one.running
    hidden = running.hidden
    return {
        "id": running.id,
        "kind": running.kind,
        "candidate": running.candidate,
        "started_at": one.at,
        "hidden": hidden,
        "tasks": len(running.tasks) if hidden else list(running.tasks),
        "trials": len(one.trials) if hidden else [_json(t) for t in trials_of(journal, running.id)],
        "decisions": [_decision(decided, hidden=hidden) for decided in one.decisions],
    }


def _decision(decided: Decided, *, hidden: bool) -> dict[str, Any]:
    event = decided.event
    return {
        "at": decided.at,
        "reused": decided.reused,
        "state": event.state,
        "score": None if hidden else _json(event.score),
        "verdict": _json(event.verdict) if event.verdict else None,
    }


def _json(record: Record) -> dict[str, Any]:
    return record.model_dump(mode="json")
