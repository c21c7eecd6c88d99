"""Reading evaluations back from the journal. Nothing here writes.

An evaluation's trials carry its id as their subject, so one indexed look-up finds them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from autoagent.errors import UnknownName
from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Journal
from autoagent.gate.contests import agenda_of
from autoagent.gate.decide import deciding_attempts
from autoagent.gate.rules.pool import Past
from autoagent.records import EvaluationState, Glimpse, Running, Trial
from autoagent.referee.telling.views import EvaluationReport, Progress

if TYPE_CHECKING:
    from autoagent.referee.climb import Climb


def trials_of(journal: Journal, evaluation: str) -> list[Trial]:
    """Every trial of an evaluation that ended, voids and their retries included."""
    return [entry.event.trial for entry in journal.about(evaluation, events.TrialFinished)]


def directories(journal: Journal, evaluation: str) -> dict[str, str]:
    """Harbor's directories of an evaluation's trials, by id."""
    entries = journal.about(evaluation, events.TrialFinished)
    return {entry.event.trial.id: entry.event.directory for entry in entries}


def deciding_trials[T: Trial | Glimpse](trials: Iterable[T]) -> list[T]:
    """One trial per task, attempt and side: the first that measured something, else a void."""
    chosen: dict[tuple[str, int, str], T] = {}
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
    started = journal.about(running.id, events.EvaluationStarted)
    return Progress(
        evaluation=running.id,
        kind=running.kind,
        done=sum(trial.outcome != "void" for trial in ended),
        expected=agenda_of(running, trials).expected,
        passed=sum(trial.outcome == "passed" for trial in ended),
        void=sum(trial.outcome == "void" for trial in ended),
        seconds=journal.now() - started[0].at if started else 0.0,
        last=trials[-1] if trials and not running.hidden else None,
        stand_in=any(trial.stand_in for trial in trials),
    )


def past(climb: "Climb") -> Iterator[Past]:
    """What a climb measured so far, as the gate looks back on it; read only where it does."""
    journal = climb.journal
    for entry in journal.of_kind(events.EvaluationFinished, after=climb.first):
        event = entry.event
        if event.verdict is not None:
            running = started(journal, event.evaluation)
            trials = tuple(trials_of(journal, event.evaluation))
            yield Past(running, trials, event.verdict.keep)


def charge_of(journal: Journal, evaluation: str) -> float:
    """Dollars an evaluation used: as metered, or as reserved where nothing was (rule R10).

    A trial that started and never ended was lost; its reservation stands too, unless the
    gateway knew better. What a verifier's model cost comes on top.
    """
    reserved: dict[str, float] = {}
    for begun in journal.about(evaluation, events.TrialStarted):
        reserved[begun.event.trial] = begun.event.reserved_dollars
    for lost in journal.about(evaluation, events.TrialLost):
        if lost.event.cost_usd is not None:
            reserved[lost.event.trial] = lost.event.cost_usd
    for trial in trials_of(journal, evaluation):
        if trial.cost_usd is not None:
            reserved[trial.id] = trial.cost_usd
        reserved[trial.id] = reserved.get(trial.id, 0.0) + (trial.judge_cost_usd or 0.0)
    return sum(reserved.values())


def finishes(journal: Journal, running: Running) -> list[Entry[events.EvaluationFinished]]:
    """The entries that settled an evaluation: one, or more where it was resumed."""
    return [
        entry
        for entry in journal.about(running.digest, events.EvaluationFinished)
        if entry.event.evaluation == running.id
    ]


def ended(journal: Journal, evaluation: str) -> EvaluationState | None:
    """How the worker said it ended, or None while it has not since it was last begun."""
    entries = since_begun(journal, evaluation, events.WorkerEnded)
    return entries[-1].event.end if entries else None


def since_begun[E: events.Event](
    journal: Journal, evaluation: str, kind: type[E]
) -> list[Entry[E]]:
    """Entries about an evaluation since it was started, or resumed after it had been cut short."""
    begun = journal.about(evaluation, events.EvaluationStarted, events.EvaluationResumed)
    return [e for e in journal.about(evaluation, kind) if not begun or e.seq > begun[-1].seq]


def started(journal: Journal, evaluation: str) -> Running:
    """What an evaluation was started to measure.

    Raises:
        UnknownName: No evaluation has this id.
    """
    entries = journal.about(evaluation, events.EvaluationStarted)
    if not entries:
        raise UnknownName(f"There is no evaluation {evaluation!r}; ids look like e3.")
    return entries[0].event.running


def report_of(journal: Journal, evaluation: str) -> EvaluationReport:
    """One evaluation, finished or not.

    Raises:
        UnknownName: No evaluation has this id.
    """
    running = started(journal, evaluation)
    decided = [
        entry.event
        for entry in journal.about(
            running.digest, events.EvaluationFinished, events.EvaluationReused
        )
        if entry.event.evaluation == evaluation
    ]
    last = decided[-1] if decided else None
    trials = trials_of(journal, evaluation)
    attempts = deciding_attempts(running, trials)
    own = [trial for trial in trials if trial.side == "" and trial.attempt in attempts]
    return EvaluationReport(
        evaluation=evaluation,
        kind=running.kind,
        state=last.state if last else "running",
        candidate=running.candidate,
        score=last.score if last else None,
        verdict=last.verdict if last else None,
        trials=tuple(deciding_trials(own)),
    )


def measured(
    climb: "Climb", digest: str, subset: tuple[str, ...] | None = None
) -> EvaluationReport | None:
    """The evaluation this content already had in this climb: full, or of one subset (rule R8).

    A subset is the same one whatever the order its tasks are named in.
    """
    for entry in climb.about(digest, events.EvaluationFinished):
        event = entry.event
        if subset is None:
            decided = event.evaluation_kind in ("baseline", "full") and event.verdict is not None
            found = decided and _told_something(climb.journal, event)
        else:
            tasks = started(climb.journal, event.evaluation).tasks
            whole = (event.evaluation_kind, event.state) == ("subset", "complete")
            found = whole and set(tasks) == set(subset)
        if found:
            return report_of(climb.journal, event.evaluation)
    return None


def _told_something(journal: Journal, event: events.EvaluationFinished) -> bool:
    """Whether an evaluation measured its candidate, not an outage: R8 holds for what was measured.

    An indecisive one did not, nor one that ended early without a trial that counts, nor one whose
    every trial crashed without one answer of its model's that it could use.
    """
    if event.state == "indecisive":
        return False
    own = [trial for trial in trials_of(journal, event.evaluation) if trial.side == ""]
    counted = [trial for trial in own if trial.outcome != "void"]
    if not counted:
        return event.state == "cancelled" and not own
    return not all(trial.outcome == "crashed" and trial.unanswered for trial in counted)


def trial_of(journal: Journal, trial: str) -> tuple[Trial, Path]:
    """A trial that ended, by id, and its Harbor directory.

    Raises:
        UnknownName: No trial has this id, it was of a held-out task, or its files were removed.
    """
    evaluation = trial.split(".", 1)[0]
    begun = journal.about(evaluation, events.EvaluationStarted)
    hidden = any(entry.event.running.hidden for entry in begun)
    if journal.about(evaluation, events.EvidenceRemoved):
        raise UnknownName(
            f"The files of {evaluation} were removed by `autoagent clean`; its outcomes stand.",
            "diagnose()",
        )
    named = json.dumps(trial, ensure_ascii=False)  # of a thousand trials one is read
    for entry in journal.about(evaluation, events.TrialFinished):
        if named in entry.text and entry.event.trial.id == trial and not hidden:
            return entry.event.trial, Path(entry.event.directory)
    raise UnknownName(
        f"There is no trial {trial!r} that ended; ids look like e3.some-task.1.",
        'run_benchmark("incumbent"), which lists its failing trials',
    )
