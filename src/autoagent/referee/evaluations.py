"""Reading evaluations back from the journal. Nothing here writes.

An evaluation's trials carry its id as their subject, so one indexed look-up finds them.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoagent.errors import UnknownName
from autoagent.evidence.journal import Event, Journal
from autoagent.evidence.position import Kind
from autoagent.gate.decide import agenda_of, deciding_attempts, score_of
from autoagent.records import EvaluationState, Running, Score, Trial, Verdict
from autoagent.referee.views import EvaluationReport, Progress


def trials_of(journal: Journal, evaluation: str) -> list[Trial]:
    """Every trial of an evaluation that ended, voids and their retries included."""
    return [
        Trial.model_validate(e.body["trial"])
        for e in journal.about(evaluation, Kind.TRIAL_FINISHED)
    ]


def deciding_trials(trials: Sequence[Trial]) -> list[Trial]:
    """One trial per task, attempt and side: the first that measured something, else a void."""
    chosen: dict[tuple[str, int, str], Trial] = {}
    for trial in trials:
        slot = (trial.task, trial.attempt, trial.side)
        before = chosen.get(slot)
        if before is None or before.outcome == "void":
            chosen[slot] = trial
    return [chosen[slot] for slot in sorted(chosen)]


def progress_of(journal: Journal, running: Running) -> Progress:
    """How far a running evaluation is."""
    trials = trials_of(journal, running.id)
    ended = deciding_trials(trials)
    started = journal.about(running.id, Kind.EVALUATION_STARTED)
    return Progress(
        evaluation=running.id,
        kind=running.kind,
        done=sum(trial.outcome != "void" for trial in ended),
        expected=agenda_of(running, trials).expected,
        passed=sum(trial.outcome == "passed" for trial in ended),
        void=sum(trial.outcome == "void" for trial in ended),
        seconds=time.time() - started[0].at if started else 0.0,
        last=trials[-1] if trials and not running.hidden else None,
        stand_in=any(trial.stand_in for trial in trials),
    )


def scored(journal: Journal, running: Running, trials: Sequence[Trial]) -> Score:
    """The score of an evaluation whose worker has ended, over every expected trial (rule R3)."""
    events = journal.about(running.id)
    seconds = events[-1].at - events[0].at if events else 0.0
    return score_of(running, trials, seconds=seconds)


def charge_of(journal: Journal, evaluation: str) -> float:
    """Dollars an evaluation used: as metered, or as reserved where nothing was (rule R10).

    A trial that started and never ended was lost; its reservation stands too, unless the
    gateway knew better. What a verifier's model cost comes on top.
    """
    reserved: dict[str, float] = {}
    for event in journal.about(evaluation, Kind.TRIAL_STARTED):
        reserved[event.body["trial"]] = event.body["reserved_dollars"]
    for event in journal.about(evaluation, Kind.TRIAL_LOST):
        if event.body.get("cost_usd") is not None:
            reserved[event.body["trial"]] = event.body["cost_usd"]
    for trial in trials_of(journal, evaluation):
        if trial.cost_usd is not None:
            reserved[trial.id] = trial.cost_usd
        reserved[trial.id] = reserved.get(trial.id, 0.0) + (trial.judge_cost_usd or 0.0)
    return sum(reserved.values())


def finishes(journal: Journal, running: Running) -> list[Event]:
    """The events that settled an evaluation: one, or more where it was resumed."""
    return [
        event
        for event in journal.about(running.digest, Kind.EVALUATION_FINISHED)
        if event.body["evaluation"] == running.id
    ]


def finished_after(journal: Journal, running: Running, seq: int) -> bool:
    """Whether an evaluation was settled after an event."""
    ends = finishes(journal, running)
    return bool(ends) and ends[-1].seq > seq


def ended(journal: Journal, evaluation: str) -> EvaluationState | None:
    """How the worker said it ended, or None while it has not since it was last begun."""
    events = since_begun(journal, evaluation, Kind.WORKER_ENDED)
    return events[-1].body["end"] if events else None


def since_begun(journal: Journal, evaluation: str, *kinds: str) -> list[Event]:
    """Events about an evaluation since it was started, or resumed after it had been cut short."""
    begun = journal.about(evaluation, Kind.EVALUATION_STARTED, Kind.EVALUATION_RESUMED)
    return [e for e in journal.about(evaluation, *kinds) if not begun or e.seq > begun[-1].seq]


def started(journal: Journal, evaluation: str) -> Event:
    """The event that started an evaluation.

    Raises:
        UnknownName: No evaluation has this id.
    """
    events = journal.about(evaluation, Kind.EVALUATION_STARTED)
    if not events:
        raise UnknownName(f"There is no evaluation {evaluation!r}; ids look like e3.", "status()")
    return events[0]


def report_of(journal: Journal, evaluation: str) -> EvaluationReport:
    """One evaluation, finished or not.

    Raises:
        UnknownName: No evaluation has this id.
    """
    running = Running.model_validate(started(journal, evaluation).body["running"])
    finished = [
        event
        for event in journal.about(running.digest, Kind.EVALUATION_FINISHED, Kind.EVALUATION_REUSED)
        if event.body["evaluation"] == evaluation
    ]
    unfinished: dict[str, Any] = {"state": "running", "score": None, "verdict": None}
    body = finished[-1].body if finished else unfinished
    trials = trials_of(journal, evaluation)
    attempts = deciding_attempts(running, trials)
    own = [trial for trial in trials if trial.side == "" and trial.attempt in attempts]
    return EvaluationReport(
        id=evaluation,
        kind=running.kind,
        candidate=running.candidate,
        state=body["state"],
        score=Score.model_validate(body["score"]) if body["score"] else None,
        verdict=Verdict.model_validate(body["verdict"]) if body["verdict"] else None,
        trials=tuple(deciding_trials(own)),
    )


def measured(
    journal: Journal, climb: str, digest: str, subset: tuple[str, ...] | None = None
) -> EvaluationReport | None:
    """The evaluation this content already had in this climb: full, or of one subset (rule R8).

    A subset is the same one whatever the order its tasks are named in.
    """
    for event in journal.about(digest, Kind.EVALUATION_FINISHED):
        body = event.body
        if body["climb"] != climb:
            continue
        if subset is None:
            found = body["kind"] in ("baseline", "full") and body["verdict"] is not None
        else:
            started_as = Running.model_validate(
                started(journal, body["evaluation"]).body["running"]
            )
            found = (body["kind"], body["state"]) == ("subset", "complete") and set(
                started_as.tasks
            ) == set(subset)
        if found:
            return report_of(journal, body["evaluation"])
    return None


def trial_of(journal: Journal, trial: str) -> tuple[Trial, Path]:
    """A trial that ended, by id, and its Harbor directory.

    Raises:
        UnknownName: No trial has this id, or it was of a held-out task.
    """
    evaluation = trial.split(".", 1)[0]
    begun = journal.about(evaluation, Kind.EVALUATION_STARTED)
    hidden = any(event.body["running"].get("hidden", False) for event in begun)
    for event in journal.about(evaluation, Kind.TRIAL_FINISHED):
        if event.body["trial"]["id"] == trial and not hidden:
            return Trial.model_validate(event.body["trial"]), Path(event.body["directory"])
    raise UnknownName(
        f"There is no trial {trial!r} that ended; ids look like e3.some-task.1.", "status()"
    )
