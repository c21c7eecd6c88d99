"""What may be read of a climb at any time. Nothing here changes anything."""

import time
from collections import Counter
from collections.abc import Sequence

from autoagent.config import Config
from autoagent.errors import AutoAgentError, ConfigError, UnknownName, WorkspaceBusy
from autoagent.evidence import events, trajectory
from autoagent.evidence.untrusted import quoted
from autoagent.files import read_regular
from autoagent.gate import noise
from autoagent.gateway.plan import model_row
from autoagent.records import Trial, clean
from autoagent.referee import budget, evaluations, measuring, moves
from autoagent.referee.candidates import (
    HARNESS_LIMIT_BYTES,
    baseline_draft,
    content_digest,
    read_notes,
)
from autoagent.referee.climb import Climb
from autoagent.referee.passages import sentences
from autoagent.referee.views import PARTS_SHOWN, Comparison, EvaluationReport, Status
from autoagent.referee.worth import STOOD_IN

TRIED = "tried.md"
"""What `read_file` answers with the ideas that were tried; no file."""
NIGHT = 50
"""Candidates of a night, where no budget says how many."""


def next_calls(climb: Climb) -> tuple[str, ...]:
    """What may be called next, by phase, budget and the trouble that lasts (rule R11)."""
    return _next_calls(climb, measuring.why_over(climb))


def _next_calls(climb: Climb, over: str) -> tuple[str, ...]:
    position, trouble = climb.position, climb.trouble
    if isinstance(trouble, WorkspaceBusy):
        return moves.LOOK_ON, "status()"
    if position.phase == "finished" and not over and not climb.continues:
        return moves.NEXT["new"]
    calls = moves.next_calls(position, over=bool(over))
    if trouble and trouble.next_call:
        return trouble.next_call, *calls[1:]
    resting = position.phase in ("baseline_needed", "idle", "committed")
    if resting and not over and _measured_nothing(climb):
        return f"tell the human what is wrong, then {calls[0]}", *calls[1:]
    return calls


def _measured_nothing(climb: Climb) -> str:
    """What keeps on spoiling evaluations, where the last one had no trial that measured."""
    finished = [
        event
        for event in (entry.event for entry in climb.this_climb(events.EvaluationFinished))
        if event.evaluation_kind in ("baseline", "full", "subset")
    ]
    if not finished or finished[-1].state != "indecisive" or finished[-1].score.measured:
        return ""
    last = finished[-1].evaluation
    trials = evaluations.trials_of(climb.journal, last)
    failed = [e.event.reason for e in climb.this_climb(events.WorkerFailed) if e.subject == last]
    causes = Counter([trial.detail for trial in trials] or failed or ["its worker died"])
    ((cause, _),) = causes.most_common(1)
    silent = any(trial.silent for trial in trials)
    if silent and finished[-1].evaluation_kind != "baseline":
        return ""  # a candidate that hangs is no trouble of the machine's: the baseline ran on it
    when = ", before the first call to an environment or a model" if silent else ""
    return f"{last} measured nothing: {quoted(cause, 200)}{when}."


def refused(climb: Climb, error: AutoAgentError) -> None:
    """Say in a refusal what to call next; a trouble that lasts is remembered until a move."""
    over = measuring.why_over(climb)
    error.next_call = moves.after(error, climb.position, _next_calls(climb, over), over=bool(over))
    if isinstance(error, moves.LASTING):
        climb.trouble = error


def status(climb: Climb) -> Status:
    """Where the climb stands (rule R11). Cheap: nothing is scanned that was just looked at."""
    position, config, head = climb.position, climb.workspace.config, climb.journal.head()
    done = position.phase == "finished"
    playing = position.phase != "new" and not done
    caps = config.budget if playing else climb.caps_of(config)
    over, hour = measuring.why_over(climb), time.strftime("%H:%M")
    began = position.started_at if playing or climb.continues else climb.journal.now()
    trouble = climb.trouble.message if climb.trouble else _measured_nothing(climb)
    return Status(
        phase=position.phase,
        incumbent=position.incumbent,
        baseline_passed=position.baseline_passed,
        clock=budget.clock(caps, began, climb.journal.now(), hour),
        budget_left=measuring.left_of(climb, caps),
        next_calls=_next_calls(climb, over),
        halted=over or trouble or (moves.ANOTHER if done and climb.continues else ""),
        stray=_stray(climb),
        head=head,
        tag=position.tag,
        tasks=len(position.tasks),
        rows=position.rows,
        candidate=position.candidate,
        running=position.running,
        verdict=position.pending,
        drift=climb.drift(head) if playing else (),
        notes=_notes(climb, over or trouble),
        tier=climb.tier,
        isolation=_isolation(config),
        state_directory=str(climb.workspace.state),
        certificate=position.certificate,
        uncertified=position.uncertified,
        left_out=tuple(left_out(climb)) if position.phase != "new" else (),
    )


def _isolation(config: Config) -> str:
    """How the harness is kept apart, and where tasks run if that is elsewhere."""
    apart = "sandboxed" if config.isolation == "sandbox" else "UNSANDBOXED (isolation = process)"
    where = config.benchmark.environment
    return apart if where == "sandbox" else f"{apart}; tasks run in {where}"


def left_out(climb: Climb) -> dict[str, str]:
    """Tasks that do not count in this climb, and why."""
    found = dict(climb.started.excluded)
    for entry in climb.this_climb(events.TasksValidated):
        found.update(entry.event.excluded)
    return found


def _stray(climb: Climb) -> str:
    """What was edited after commit_candidate: it is neither measured nor kept."""
    position, workspace = climb.position, climb.workspace
    candidate = position.candidate
    if candidate is None or position.phase not in ("committed", "evaluating", "evaluated"):
        return ""
    try:
        source = read_regular(workspace.harness, HARNESS_LIMIT_BYTES)
        editable = source.removesuffix(climb.canonical.fixed)
        if content_digest(editable, read_notes(workspace)) == candidate.digest:
            return ""
    except (AutoAgentError, OSError):  # whatever stands there, it is not the candidate
        pass
    return (
        f"{workspace.harness.name} or .agent/ changed after commit_candidate: that is neither "
        f"measured nor kept, {candidate.short} is, as it was committed."
    )


def _notes(climb: Climb, halted: str) -> tuple[str, ...]:
    """What the human should know: trouble, noise, tasks left out, lint lines, a repaired branch."""
    position = climb.position
    trouble = [halted] if halted else []
    trouble += [said for said in _about_the_model(climb) if said != halted]
    if position.phase == "new":
        return tuple(trouble)
    measured = [s for s in (position.incumbent, position.evaluated) if s is not None]
    stood_in = any(standing.score.stand_in for standing in measured)
    running = position.running.id if position.running else None
    return (
        *trouble,
        *filter(None, [_stray(climb)]),
        *([STOOD_IN] if stood_in else []),
        *_about_noise(climb),
        *(f"task {name} is left out: {why}" for name, why in left_out(climb).items()),
        *(
            f"task {name} is verified as_left, a weaker proof: its oracle passes only where the "
            "verifier starts with what was left at home and in the work directory"
            for entry in climb.this_climb(events.TasksValidated)
            for name in entry.event.as_left
        ),
        *_about_holdout(climb),
        *_about_copies(climb),
        *(
            f"no ablation tells what the kept edit {commit} adds: {why}"
            for entry in climb.this_climb(events.EditsNotAblated)[-1:]
            for commit, why in entry.event.edits.items()
        ),
        *(f"task {task.name}: {note}" for task in climb.frozen.tasks for note in task.notes),
        *(e.event.reason for e in climb.this_climb(events.WorkerFailed) if e.subject == running),
        *_about_providers(climb),
        *climb.notes,
    )


def _about_the_model(climb: Climb) -> list[str]:
    """Why the harness could not call its model, where it could not: a key is missing, say."""
    workspace, playing = climb.workspace, climb.position.phase not in ("new", "finished")
    try:
        model = climb.started.model if playing else baseline_draft(workspace)[2]
    except AutoAgentError:  # start_climb says what is wrong with the harness
        return []
    try:
        model_row(workspace.config, model, workspace.root)
    except ConfigError as error:
        return [error.message]
    return []


def _about_providers(climb: Climb) -> list[str]:
    """What keeps the running evaluation waiting (rule R9)."""
    running = climb.position.running
    told = climb.journal.about(running.id, events.ProviderOut) if running else []
    causes: dict[str, str] = {entry.event.provider: entry.event.cause for entry in told}
    return [
        f"{clean(cause)}: no trial begins until it answers again, which is asked by itself; mend "
        "what is the human's to mend, nothing is charged meanwhile"
        for cause in causes.values()
        if cause
    ]


def _about_holdout(climb: Climb) -> list[str]:
    """How many held-out tasks can be used; the meta-agent never hears their names."""
    usable, frozen = len(climb.position.holdout), climb.frozen
    every = len(frozen.holdout) + len(frozen.holdout_excluded)
    if climb.position.phase == "validating" or usable == every:
        return []
    told = f"{every - usable} of {every} held-out tasks cannot be used"
    return [f"{told}: `autoagent doctor` tells which, and why"]


def _about_copies(climb: Climb) -> list[str]:
    """What the harnesses of the moment copy from their tasks (threat E4), and how many did."""
    position = climb.position
    current = [position.candidate, position.incumbent and position.incumbent.candidate]
    now = {candidate.id: candidate.short for candidate in current if candidate}
    entries = climb.this_climb(events.CandidateCommitted)
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


def _about_noise(climb: Climb) -> Sequence[str]:
    """What the baseline's two passes say about this night (rule R2)."""
    found, config = climb.position.noise, climb.workspace.config
    candidates = config.budget.evaluations or NIGHT
    return noise.sentences(found, candidates, config.gate.rule) if found else ()


def tried(climb: Climb) -> str:
    """Every idea that was measured in this workspace, in any climb, and what came of it."""
    entries = climb.journal.of_kind(events.ResultRecorded)
    lines = [
        f"- {row.commit} {row.status}{f', {row.passed} passed' if row.passed else ''}"
        f" ({entry.event.climb}): {row.description}"
        for entry in entries
        for row in (entry.event.row,)
    ]
    return "\n".join(["Measured so far, oldest first: none of it need be tried again.", *lines])


def tried_before(climb: Climb, description: str) -> list[str]:
    """What came of a candidate of the very same description, if there was one."""
    words = description.casefold().split()
    return [
        f"the same description was measured before: {row.commit} {row.status}; see {TRIED}"
        for row in climb.rows()
        if row.description.casefold().split()[-len(words) :] == words  # its reason may stand before
    ]


def compare(climb: Climb, candidate: str | None, against: str | None) -> Comparison:
    """Tasks fixed and broken between two full evaluations, by default the last and the incumbent.

    Raises:
        UnknownName: One of them has no finished full evaluation in this climb.
    """
    position = climb.position
    finished = [entry.event for entry in climb.this_climb(events.EvaluationFinished)]
    ids = [event.evaluation for event in finished if event.verdict]
    if not ids:
        raise UnknownName("No full evaluation has finished yet, so nothing can be compared.")
    reports = {name: evaluations.report_of(climb.journal, name) for name in ids}
    incumbent = position.incumbent.evaluation if position.incumbent else ids[0]
    new = _named(reports, candidate, ids[-1])
    last = new.evaluation
    fallback = incumbent if incumbent != last else ids[max(0, ids.index(last) - 1)]
    old = _named(reports, against, fallback)
    before, after = _passed(old.trials), _passed(new.trials)
    both = [task for task in position.tasks if task in before and task in after]
    changed = [task for task in both if before[task] != after[task]]
    return Comparison(
        candidate=new.candidate,
        against=old.candidate,
        fixed=tuple(task for task in changed if after[task]),
        broken=tuple(task for task in changed if not after[task]),
        not_run=tuple(task for task in position.tasks if task not in both),
        same_passed=sum(bool(after[t]) for t in both if t not in changed),
        same_failed=sum(not after[t] for t in both if t not in changed),
        parts=tuple(
            f"{task}: {_parting(climb, old.trials, new.trials, task)}"
            for task in changed[:PARTS_SHOWN]
        ),
    )


def _named(
    reports: dict[str, EvaluationReport], name: str | None, fallback: str
) -> EvaluationReport:
    for report in reversed(reports.values()):
        if report.evaluation == (name or fallback) or (
            name and len(name) >= 7 and report.candidate.startswith(name)
        ):
            return report
    known = ", ".join(f"{r.candidate[:7]} ({r.evaluation})" for r in reports.values())
    raise UnknownName(
        f"{name!r} has no finished full evaluation. Known: {known}.", "compare() with one of these"
    )


def _passed(trials: Sequence[Trial]) -> dict[str, bool]:
    """Whether every attempt of a task passed; a task without a measured trial is not there."""
    measured = [trial for trial in trials if trial.outcome != "void"]
    tasks = {trial.task for trial in measured}
    return {task: all(t.outcome == "passed" for t in measured if t.task == task) for task in tasks}


def _parting(climb: Climb, old: Sequence[Trial], new: Sequence[Trial], task: str) -> str:
    sides = [next((t.id for t in side if t.task == task), None) for side in (old, new)]
    if None in sides:
        return "not measured on both sides"
    directories = [evaluations.trial_of(climb.journal, side)[1] for side in sides if side]
    return trajectory.parts(directories[0], directories[1])
