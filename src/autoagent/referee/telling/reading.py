"""What may be read of a climb at any time. Nothing here changes anything."""

import time
from collections import Counter
from collections.abc import Sequence

from autoagent.config import Config
from autoagent.errors import AutoAgentError, ConfigError, WorkspaceBusy
from autoagent.evidence import events
from autoagent.evidence.journal import Entry
from autoagent.evidence.untrusted import one_line, quoted
from autoagent.files import read_regular
from autoagent.gate import noise
from autoagent.gateway.identity import troubles
from autoagent.gateway.ready import model_row
from autoagent.records import clean, unmarked
from autoagent.referee import budget, evaluations, measuring, moves
from autoagent.referee.candidates import (
    HARNESS_LIMIT_BYTES,
    baseline_draft,
    content_digest,
    read_notes,
)
from autoagent.referee.climb import Climb
from autoagent.referee.ending.worth import STOOD_IN
from autoagent.referee.passages import sentences
from autoagent.referee.telling import plateau
from autoagent.referee.telling.views import Status
from autoagent.workspace import disks, notes

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
    finished = (entry.event for entry in climb.newest(events.EvaluationFinished))
    kinds = ("baseline", "full", "subset")
    event = next((event for event in finished if event.evaluation_kind in kinds), None)
    if event is None or event.state != "indecisive" or event.score.measured:
        return ""
    last = event.evaluation
    trials = evaluations.trials_of(climb.journal, last)
    causes = Counter(
        [trial.detail for trial in trials] or _failed(climb, last) or ["its worker died"]
    )
    ((cause, _),) = causes.most_common(1)
    silent = any(trial.silent for trial in trials)
    if silent and event.evaluation_kind != "baseline":
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
    began = budget.began(caps, position.started_at, position.asleep)
    began = began if playing or climb.continues else climb.journal.now()
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
        skills=_skills(climb),
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
    return (
        *trouble,
        *(f"{told}: scores are of what answered" for told in troubles(_answers(climb))),
        *filter(None, [_stray(climb)]),
        *([STOOD_IN] if stood_in else []),
        *_about_noise(climb),
        *filter(None, [plateau.advice(climb)]),
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
        *(_failed(climb, position.running.id) if position.running else ()),
        *_about_providers(climb),
        *_about_disks(climb),
        *_about_the_gate(climb),
        *climb.notes,
    )


def _answers(climb: Climb) -> tuple[tuple[str, str], ...]:
    """Which model answered for which in this climb."""

    def add(
        told: tuple[tuple[str, str], ...], entry: Entry[events.ModelAnswered]
    ) -> tuple[tuple[str, str], ...]:
        return (*told, (entry.event.model, entry.event.answered_by))

    return climb.counted("answers", events.ModelAnswered, add, (), climb.first)


def _failed(climb: Climb, evaluation: str) -> list[str]:
    """Why an evaluation's workers died."""
    return [entry.event.reason for entry in climb.journal.about(evaluation, events.WorkerFailed)]


def _about_the_model(climb: Climb) -> list[str]:
    """Why the harness could not call its model, where it could not: a key is missing, say."""
    workspace, fresh = climb.workspace, climb.position.phase == "new"
    try:
        model = baseline_draft(workspace)[2] if fresh else climb.started.model
    except AutoAgentError:  # start_climb says what is wrong with the harness
        return []
    try:
        model_row(workspace.config, model, workspace.root)
    except ConfigError as error:
        return [error.message]
    return []


def _skills(climb: Climb) -> tuple[str, ...]:
    """What stands in `.agent/` and is the candidate's, with its size."""
    top = f"{climb.workspace.notes.name}/"
    found, _ = notes.read_all(climb.workspace)
    return tuple(
        f"{one_line(path.removeprefix(top), 48)} {len(data):,} B"
        for path, data in sorted(found.items())
    )


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


def _about_disks(climb: Climb) -> list[str]:
    """What keeps a worker from being started again."""
    bad = disks.bad(climb.workspace) if climb.position.running else ""
    return [f"{bad}: no worker is started again before the human has mended that"] if bad else []


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
    told = [
        f"{candidate.short} {sentence}"
        for candidate in dict.fromkeys(filter(None, reversed(current)))
        for entry in climb.about(candidate.id, events.CandidateCommitted)
        for sentence in sentences(entry.event.copied)
    ]
    kind, after = events.CandidateCommitted, climb.first
    copies = climb.counted("copies", kind, lambda sum, e: sum + _copies(e.event), 0, after)
    return told + (
        [f"{copies} committed candidates held passages of tasks word for word"] if copies else []
    )


def _copies(event: events.CandidateCommitted) -> bool:
    """Whether a candidate holds passages of tasks that may be named."""
    return any(found.task for found in event.copied)


def _about_noise(climb: Climb) -> Sequence[str]:
    """What the baseline's two passes say about this night and its gate (rule R2)."""
    found, config = climb.position.noise, climb.workspace.config
    rule = config.gate.rule
    return noise.sentences(found, config.budget.evaluations or NIGHT, rule) if found else ()


def _about_the_gate(climb: Climb) -> Sequence[str]:
    """Which gate is in force, while the baseline has not spoken yet."""
    if climb.position.phase not in ("validating", "baseline_needed"):
        return ()
    rule = climb.workspace.config.gate.rule
    return (f"the gate in force is `{rule}`, frozen with the rest (autoagent.toml, [gate])",)


def tried(climb: Climb) -> bytes:
    """Every idea that was measured in this workspace, in any climb, and what came of it."""
    start = bytearray(b"Measured so far, oldest first: none of it need be tried again.")
    return bytes(climb.counted("tried", events.ResultRecorded, _tried_too, start, 0))


def _tried_too(text: bytearray, entry: Entry[events.ResultRecorded]) -> bytearray:
    row, climb = entry.event.row, entry.event.climb
    passed = f", {row.passed} passed" if row.passed else ""
    text += f"\n- {row.commit} {row.status}{passed} ({climb}): {row.description}".encode()
    return text


def tried_before(climb: Climb, description: str) -> list[str]:
    """What came of a candidate of the very same description, if there was one."""
    words, none, kind = _words(description), set[int](), events.ResultRecorded
    if words not in climb.counted("descriptions", kind, _described, none, climb.first):
        return []
    return [
        f"the same description was measured before: {row.commit} {row.status}; see {TRIED}"
        for row in climb.rows()
        if _words(row.description) == words
    ]


def _described(sum: set[int], entry: Entry[events.ResultRecorded]) -> set[int]:
    sum.add(_words(entry.event.row.description))
    return sum


def _words(description: str) -> int:
    """What a description says, whatever its case and the marks of its row."""
    return hash(tuple(unmarked(description).casefold().split()))
