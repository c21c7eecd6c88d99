"""`autoagent export`: everything a workspace's journal says, as one JSON object. Reads only.

The ledger's seven columns say what became of a candidate; here is why, trial by trial, by which
rules, how far the referee was from the player, and the head that all of it hashes to. Held-out
tasks are counted and never named, because what is exported gets around.
"""

from pathlib import Path
from typing import Any

from autoagent.commands.verify import journal_of
from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Held
from autoagent.records import Record, Running, Trial
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
        climbs: list[_Exported] = []
        for entry in journal.entries():
            if isinstance(entry.event, events.ClimbStarted):
                climbs.append(_Exported(entry.event, entry.at))
            elif climbs:
                climbs[-1].take(entry)
        return {
            "format": FORMAT,
            "workspace": str(workspace.root),
            "events": last.seq if last else 0,
            "head": journal.head(),
            "climbs": [climb.facts for climb in climbs],
        }


class _Exported:
    """One climb's facts, gathered from its events."""

    def __init__(self, event: events.ClimbStarted, at: float) -> None:
        self._evaluations: dict[str, dict[str, Any]] = {}
        self.facts: dict[str, Any] = {
            "tag": event.tag,
            "started_at": at,
            "tier": event.tier or UNRECORDED,
            "isolation": event.isolation,
            "model": event.model,
            "gate": event.config.get("gate"),
            "snapshot": event.snapshot,
            "tasks": list(event.tasks),
            "held_out": len(event.holdout),
            "excluded": dict(event.excluded),
            "candidates": [_json(event.baseline)],
            "evaluations": [],
            "rows": [],
            "certificate": None,
            "ended": None,
        } | ({"continues": True} if event.continues else {})

    def take(self, entry: Entry[Held]) -> None:
        """One more event of this climb."""
        facts = self.facts
        match entry.event:
            case events.TasksValidated() as event:
                facts["tasks"], facts["held_out"] = list(event.tasks), len(event.holdout)
                facts["excluded"] |= event.excluded
                if event.as_left:
                    facts["as_left"] = list(event.as_left)
            case events.CandidateCommitted(candidate=candidate):
                facts["candidates"].append(_json(candidate))
            case events.EvaluationStarted(running=running):
                self._started(running, entry.at)
            case events.TrialFinished(trial=trial):
                self._trial(entry.subject, trial)
            case events.EvaluationFinished() | events.EvaluationReused() as event:
                self._decided(event, entry.at)
            case events.ResultRecorded(row=row):
                facts["rows"].append(_json(row))
            case events.Certified(certificate=certificate):
                facts["certificate"], facts["ended"] = _json(certificate), entry.at
            case events.ClimbFinished(uncertified=uncertified):
                facts["ended"], facts["uncertified"] = entry.at, uncertified
            case _:
                pass

    def _started(self, running: Running, at: float) -> None:
        facts: dict[str, Any] = {
            "id": running.id,
            "kind": running.kind,
            "candidate": running.candidate,
            "started_at": at,
            "hidden": running.hidden,
            "tasks": len(running.tasks) if running.hidden else list(running.tasks),
            "trials": 0 if running.hidden else [],
            "decisions": [],
        }
        self._evaluations[running.id] = facts
        self.facts["evaluations"].append(facts)

    def _trial(self, of: str, trial: Trial) -> None:
        evaluation = self._evaluations.get(of)
        if evaluation is None:
            return
        if evaluation["hidden"]:
            evaluation["trials"] += 1
        else:
            evaluation["trials"].append(_json(trial))

    def _decided(self, event: events.Decision, at: float) -> None:
        """What an evaluation said of a candidate; a reused one speaks again."""
        evaluation = self._evaluations.get(event.evaluation)
        if evaluation is None:
            return
        said = {
            "at": at,
            "reused": isinstance(event, events.EvaluationReused),
            "state": event.state,
            "score": None if evaluation["hidden"] else _json(event.score),
            "verdict": _json(event.verdict) if event.verdict else None,
        }
        evaluation["decisions"].append(said)


def _json(record: Record) -> dict[str, Any]:
    return record.model_dump(mode="json")
