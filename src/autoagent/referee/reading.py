"""What may be read of a climb at any time. Nothing here changes anything."""

import time
from collections.abc import Sequence

from autoagent.config import Config
from autoagent.errors import UnknownName
from autoagent.evidence import trajectory
from autoagent.evidence.events import (
    CandidateCommitted,
    EvaluationFinished,
    TasksValidated,
    WorkerFailed,
)
from autoagent.evidence.position import Position
from autoagent.gate import noise
from autoagent.records import Trial
from autoagent.referee import budget, evaluations
from autoagent.referee.climb import Table
from autoagent.referee.passages import sentences
from autoagent.referee.views import Comparison, EvaluationReport, Status
from autoagent.referee.worth import NO_MODEL

NIGHT = 50
"""Candidates of a night, where no budget says how many."""

PARTS_SHOWN = 10
"""Trajectories that `compare` reads: each may be megabytes."""

NEXT_CALLS = {
    "new": ("start_climb(tag)",),
    "validating": ("start_climb(tag)",),
    "baseline_needed": ("run_benchmark()",),
    "idle": ("commit_candidate(description)", "read_trajectory(trial)", "finish_climb()"),
    "committed": ("run_benchmark()", "revert()"),
    "evaluating": ("run_benchmark()", "cancel_benchmark()"),
    "evaluated": ("append_result(description)",),
    "certifying": ("finish_climb()",),
    "finished": ("start_climb(tag)",),
}
"""What may be called next, in each phase (rule R11)."""


def next_call(position: Position) -> str:
    """The one call that moves the climb on."""
    if position.phase == "validating":
        return f'start_climb("{position.tag}")'
    return NEXT_CALLS[position.phase][0]


def status(table: Table) -> Status:
    """Where the climb stands (rule R11). Cheap: nothing is scanned that was just looked at."""
    position, config = table.position, table.workspace.config
    remaining = budget.left(config.budget, position.spent, position.started_at, time.time())
    playing = position.phase not in ("new", "finished")
    return Status(
        phase=position.phase,
        tag=position.tag,
        tasks=len(position.tasks),
        baseline_passed=position.baseline_passed,
        incumbent=position.incumbent,
        candidate=position.candidate,
        running=position.running,
        pending=position.pending,
        certificate=position.certificate,
        uncertified=position.uncertified,
        rows=position.rows,
        evaluations_left=remaining.evaluations,
        hours_left=remaining.hours if playing else None,
        dollars_left=remaining.dollars,
        next_calls=(next_call(position), *NEXT_CALLS[position.phase][1:]),
        head=table.journal.head(),
        tier=table.tier,
        isolation=_isolation(config),
        drift=table.drift(position) if playing else (),
        notes=_notes(table, position),
        state_directory=str(table.workspace.state),
        program=str(table.workspace.program),
    )


def _isolation(config: Config) -> str:
    """How the harness is kept apart, and where tasks run if that is elsewhere."""
    apart = "sandboxed" if config.isolation == "sandbox" else "UNSANDBOXED (isolation = process)"
    where = config.benchmark.environment
    return apart if where == "sandbox" else f"{apart}; tasks run in {where}"


def _notes(table: Table, position: Position) -> tuple[str, ...]:
    """What the human should know: the noise, tasks left out, lint lines, a repaired branch."""
    if position.phase == "new":
        return ()
    left_out = dict(table.climb().excluded)
    for entry in table.this_climb(TasksValidated):
        left_out.update(entry.event.excluded)
    measured = [s for s in (position.incumbent, position.evaluated) if s is not None]
    lines = [NO_MODEL] if any(standing.score.stand_in for standing in measured) else []
    lines += _about_noise(table, position)
    lines += [f"task {name} is left out: {why}" for name, why in left_out.items()]
    lines += [
        f"task {name} is verified as_left, a weaker proof: its oracle passes only where the "
        "verifier starts with what was left at home and in the work directory"
        for entry in table.this_climb(TasksValidated)
        for name in entry.event.as_left
    ]
    lines += _about_holdout(table, position)
    lines += _about_copies(table, position)
    lines += [
        f"task {task.name}: {note}" for task in table.frozen(position).tasks for note in task.notes
    ]
    if position.running is not None:
        failures = table.journal.about(position.running.id, WorkerFailed)
        lines += [entry.event.reason for entry in failures]
    return (*lines, *table.notes)


def _about_holdout(table: Table, position: Position) -> tuple[str, ...]:
    """How many held-out tasks can be used; the meta-agent never hears their names."""
    frozen = table.frozen(position)
    every = len(frozen.holdout) + len(frozen.holdout_excluded)
    if position.phase == "validating" or len(position.holdout) == every:
        return ()
    return (
        f"{every - len(position.holdout)} of {every} held-out tasks cannot be used: "
        "`autoagent doctor` tells which, and why",
    )


def _about_copies(table: Table, position: Position) -> list[str]:
    """What the harnesses of the moment copy from their tasks (threat E4), and how many did."""
    current = [position.candidate, position.incumbent and position.incumbent.candidate]
    now = {candidate.id: candidate.short for candidate in current if candidate}
    entries = table.this_climb(CandidateCommitted)
    told = [
        f"{now[entry.subject]} {sentence}"
        for entry in entries
        if entry.subject in now
        for sentence in sentences(entry.event.copied)
    ]
    copies = sum(any(found.task for found in entry.event.copied) for entry in entries)
    return told + (
        [f"{copies} committed candidates held passages of tasks word for word"] if copies else []
    )


def _about_noise(table: Table, position: Position) -> tuple[str, ...]:
    """What the baseline's two passes say about this night (rule R2)."""
    if position.noise is None:
        return ()
    config = table.workspace.config
    candidates = config.budget.evaluations or NIGHT
    return noise.sentences(position.noise, candidates, config.gate.rule)


def compare(table: Table, candidate: str | None, against: str | None) -> Comparison:
    """Tasks fixed and broken between two full evaluations, by default the last and the incumbent.

    Raises:
        UnknownName: One of them has no finished full evaluation in this climb.
    """
    position = table.position
    finished = [entry.event for entry in table.this_climb(EvaluationFinished)]
    ids = [event.evaluation for event in finished if event.verdict]
    if not ids:
        raise UnknownName(
            "No full evaluation has finished yet, so nothing can be compared.", next_call(position)
        )
    reports = {name: evaluations.report_of(table.journal, name) for name in ids}
    incumbent = position.incumbent.evaluation if position.incumbent else ids[0]
    new = _named(reports, candidate, ids[-1])
    fallback = incumbent if incumbent != new.id else ids[max(0, ids.index(new.id) - 1)]
    old = _named(reports, against, fallback)
    before, after = _passed(old.trials), _passed(new.trials)
    changed = [task for task in position.tasks if before.get(task) != after.get(task)]
    return Comparison(
        candidate=new.candidate[:7],
        against=old.candidate[:7],
        fixed=tuple(task for task in changed if after.get(task)),
        broken=tuple(task for task in changed if not after.get(task)),
        same_passed=sum(bool(after.get(t)) for t in position.tasks if t not in changed),
        same_failed=sum(not after.get(t) for t in position.tasks if t not in changed),
        parts={t: _parting(table, old.trials, new.trials, t) for t in changed[:PARTS_SHOWN]},
    )


def _named(
    reports: dict[str, EvaluationReport], name: str | None, fallback: str
) -> EvaluationReport:
    for report in reversed(reports.values()):
        if report.id == (name or fallback) or (
            name and len(name) >= 7 and report.candidate.startswith(name)
        ):
            return report
    known = ", ".join(f"{r.candidate[:7]} ({r.id})" for r in reports.values())
    raise UnknownName(
        f"{name!r} has no finished full evaluation. Known: {known}.", "compare() with one of these"
    )


def _passed(trials: Sequence[Trial]) -> dict[str, bool]:
    """Whether every attempt of a task passed."""
    tasks = {trial.task for trial in trials}
    return {task: all(t.outcome == "passed" for t in trials if t.task == task) for task in tasks}


def _parting(table: Table, old: Sequence[Trial], new: Sequence[Trial], task: str) -> str:
    sides = [next((t.id for t in side if t.task == task), None) for side in (old, new)]
    if None in sides:
        return "not measured on both sides"
    directories = [evaluations.trial_of(table.journal, side)[1] for side in sides if side]
    return trajectory.parts(directories[0], directories[1])
