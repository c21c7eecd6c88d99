"""`autoagent export`: everything a workspace's journal says, as one JSON object. Reads only.

The ledger's seven columns say what became of a candidate; here is why, trial by trial, by which
rules, how far the referee was from the player, and the head that all of it hashes to. Held-out
tasks are counted and never named, because what is exported gets around.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

from autoagent.errors import WorkspaceError
from autoagent.evidence.journal import Event, Journal
from autoagent.evidence.position import Kind
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
    if not workspace.journal.exists():
        raise WorkspaceError(
            f"No climb was started in {workspace.root}: there is no {workspace.journal}.",
            "`autoagent serve`, and start_climb(tag) from a client",
        )
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        last = journal.check()
        climbs: list[_Climb] = []
        for event in journal.events():
            if event.kind == Kind.CLIMB_STARTED:
                climbs.append(_Climb(event))
            elif climbs:
                climbs[-1].take(event)
        return {
            "format": FORMAT,
            "workspace": str(workspace.root),
            "events": last.seq if last else 0,
            "head": journal.head(),
            "climbs": [climb.facts for climb in climbs],
        }


class _Climb:
    """One climb's facts, gathered from its events."""

    def __init__(self, event: Event) -> None:
        body = event.body
        self._evaluations: dict[str, dict[str, Any]] = {}
        self.facts: dict[str, Any] = {
            "tag": body["tag"],
            "started_at": event.at,
            "tier": body.get("tier", UNRECORDED),
            "isolation": body["isolation"],
            "model": body["model"],
            "gate": body["config"]["gate"],
            "snapshot": body["snapshot"],
            "tasks": body["tasks"],
            "held_out": len(body.get("holdout", ())),
            "excluded": body["excluded"],
            "candidates": [body["baseline"]],
            "evaluations": [],
            "rows": [],
            "certificate": None,
            "ended": None,
        }

    def take(self, event: Event) -> None:
        """One more event of this climb."""
        body, facts = event.body, self.facts
        match event.kind:
            case Kind.TASKS_VALIDATED:
                facts["tasks"], facts["held_out"] = body["tasks"], len(body.get("holdout", ()))
                facts["excluded"] = {**facts["excluded"], **body["excluded"]}
            case Kind.CANDIDATE_COMMITTED:
                facts["candidates"].append(body["candidate"])
            case Kind.EVALUATION_STARTED:
                self._started(event)
            case Kind.TRIAL_FINISHED:
                self._trial(event)
            case Kind.EVALUATION_FINISHED | Kind.EVALUATION_REUSED:
                said = {name: body[name] for name in ("state", "score", "verdict")}
                self._decided(event, said)
            case Kind.RESULT_RECORDED:
                facts["rows"].append(body["row"])
            case Kind.CERTIFIED:
                facts["certificate"] = body["certificate"]
                facts["ended"] = event.at
            case Kind.CLIMB_FINISHED:
                facts["ended"] = event.at
                facts["uncertified"] = body.get("uncertified", "")
            case _:
                pass

    def _started(self, event: Event) -> None:
        running = event.body["running"]
        hidden = running.get("hidden", False)
        facts: dict[str, Any] = {
            "id": running["id"],
            "kind": running["kind"],
            "candidate": running["candidate"],
            "started_at": event.at,
            "hidden": hidden,
            "tasks": len(running["tasks"]) if hidden else running["tasks"],
            "trials": 0 if hidden else [],
            "decisions": [],
        }
        self._evaluations[running["id"]] = facts
        self.facts["evaluations"].append(facts)

    def _trial(self, event: Event) -> None:
        evaluation = self._evaluations.get(event.subject)
        if evaluation is None:
            return
        if evaluation["hidden"]:
            evaluation["trials"] += 1
        else:
            evaluation["trials"].append(event.body["trial"])

    def _decided(self, event: Event, said: dict[str, Any]) -> None:
        """What an evaluation said of a candidate; a reused one speaks again."""
        evaluation = self._evaluations.get(event.body["evaluation"])
        if evaluation is None:
            return
        if evaluation["hidden"]:
            said = {**said, "score": None}
        reused = event.kind == Kind.EVALUATION_REUSED
        evaluation["decisions"].append({"at": event.at, "reused": reused, **said})
