"""Climbs of any size, as the journal would tell them, for the page's tests and its bench.

`night` makes one, `recorded` writes it where a server would have: its events and its candidates.
"""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from itertools import cycle
from pathlib import Path

from autoagent.evidence import events
from autoagent.evidence.journal import GENESIS, Entry, Held, Journal, chain
from autoagent.evidence.position import Position, apply
from autoagent.records import (
    Candidate,
    Certificate,
    Contest,
    Effect,
    ModelUse,
    Noise,
    Outcome,
    Reason,
    Row,
    RowStatus,
    Running,
    Score,
    Trial,
    Verdict,
)
from autoagent.referee.telling.views import Progress
from autoagent.report.played import Decided, Measured, Played, Recorded
from autoagent.report.results import results
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import Workspace, open_workspace

FATES: tuple[tuple[RowStatus, Reason], ...] = (
    ("discard", "passed_down"),
    ("discard", "pruned"),
    ("crash", "crashed"),
    ("discard", "indecisive"),
    ("discard", "not_simpler"),
)
KEPT_EVERY = 10
BEGAN = 1.7e9
EVALUATION = "EVALUATION"
STRICT = Contest(rule="strict", passes=2, alpha=0.05, pruning=True, stored=1, simpler=False)
OUTCOMES: tuple[Outcome, ...] = ("passed", "passed", "failed", "crashed")


def candidate(number: int) -> Candidate:
    return Candidate(
        id=f"{number:07x}{number:033x}",
        digest=f"d{number}",
        parent=f"{number - 1:07x}{number - 1:033x}" if number else None,
        description=f"edit {number}: try another order of the tools" if number else "",
        complexity=1,
    )


def effect(low: float, difference: float, high: float) -> Effect:
    return Effect(
        tasks=2, pairs=6, before=0.5, after=0.5, difference=difference, low=low, high=high
    )


def night(candidates: int, tasks: int, *, over: bool = True) -> Played:
    """A climb whose every candidate passes a random part, so that no run of cells is long.

    One that is not over measures another candidate.
    """
    chance = random.Random(1)
    names = tuple(f"task-{number:04}" for number in range(tasks))
    ended = {(task, outcome): _trial(task, outcome) for task in names for outcome in OUTCOMES}
    started = events.ClimbStarted(
        tag="night",
        snapshot="s",
        tasks=names,
        excluded={"broken": "its oracle fails"},
        baseline=candidate(0),
        model="gpt-9",
        head="f" * 40,
        isolation="sandbox",
    )
    climb = Played(started, 0.0, names, excluded={"broken": "its oracle fails"})
    climb.candidates = {candidate(n).id: candidate(n) for n in range(candidates + 1)}
    fates = cycle(FATES)
    for number in range(candidates):
        kept = number % KEPT_EVERY == 0
        status, reason = ("keep", "passed_up") if kept else next(fates)
        ran = names[: tasks // 3] if reason == "pruned" else names
        trials = [ended[task, chance.choice(OUTCOMES)] for task in ran]
        climb.rows.append(_measured(climb, number, trials, status, reason))
    climb.last = 60.0 * candidates
    if over:
        climb.ended, climb.reason = 8 * 3600.0, "finished"
        last = candidate(KEPT_EVERY).id[:7]
        climb.certificate = Certificate(
            baseline="b",
            champion="c",
            passes=3,
            effect=effect(0.1, 0.3, 0.5),
            holdout=effect(-0.1, 0.1, 0.3),
            optimistic=0.5,
            left_out={last: effect(-0.1, 0.01, 0.2)},
        )
    elif candidates:
        _measuring(climb, candidate(candidates), [ended[names[0], "passed"]])
    return climb


def _trial(task: str, outcome: Outcome) -> Trial:
    return Trial(
        id=f"e.{task}.{outcome}",
        task=task,
        attempt=1,
        outcome=outcome,
        reward=float(outcome == "passed"),
        detail="Traceback: line 7" if outcome == "crashed" else "",
        seconds=3.0,
        cost_usd=0.01,
        model_use=ModelUse(calls=3, input_tokens=1000, output_tokens=100),
    )


def _measured(
    climb: Played, number: int, trials: list[Trial], status: RowStatus, reason: Reason
) -> Recorded:
    """An evaluation that ended, and the row that was written of it."""
    made, at = candidate(number), 60.0 * number
    measured = Measured(_running(climb, made), at, [*trials])
    passed = sum(trial.outcome == "passed" for trial in trials)
    verdict = Verdict(status=status, reason=reason, sentence=f"passed {passed}")
    score = {task: result.reward for task, result in results(measured).items()}
    event = events.EvaluationReused.model_construct(state="complete", verdict=verdict)
    measured.decisions.append(Decided(at, event))
    climb.evaluations[measured.running.id] = measured
    row = Row(
        commit=made.short,
        avg_score=None,
        passed="" if reason == "pruned" else f"{passed}/{len(climb.tasks)}",
        task_scores=score,
        cost_usd=0.5,
        status=status,
        description=made.description or "the unmodified harness",
    )
    return Recorded(at, made.id, row)


def _measuring(climb: Played, made: Candidate, trials: list[Trial]) -> None:
    running = _running(climb, made)
    climb.evaluations[running.id] = Measured(running, climb.last, [*trials])
    climb.begun = climb.tasks[1:3]
    climb.progress = Progress(
        evaluation=running.id,
        kind="full",
        done=len(trials),
        expected=len(climb.tasks),
        passed=1,
        void=0,
        seconds=3.0,
        last=trials[-1],
    )


def _running(climb: Played, made: Candidate) -> Running:
    return Running(
        id=f"e{len(climb.evaluations)}",
        kind="full" if made.parent else "baseline",
        candidate=made.id,
        digest=made.digest,
        tasks=climb.tasks,
        attempts=1,
        contest=STRICT if made.parent else None,
    )


def recorded(root: Path, climb: Played) -> Workspace:
    """Write a climb that is over into a workspace's journal and store, event by event.

    Appended one at a time a large night takes minutes; here it is one transaction.
    """
    workspace = open_workspace(root)
    Journal(workspace.journal).close()
    commits = _stored(workspace, climb)
    position, previous, seq = Position(), GENESIS, 0
    with closing(sqlite3.connect(workspace.journal)) as database, database:
        for at, kind, about, text in _lines(climb, commits, workspace.output / "jobs"):
            seq += 1
            stored = chain(previous, seq, at, kind, about, text)
            row = (seq, at, kind, about, text, stored)
            database.execute("INSERT INTO events VALUES (?,?,?,?,?,?)", row)
            previous = stored
            if not kind.startswith("trial_"):  # those move nothing
                entry: Entry[Held] = Entry(*row)
                position = apply(position, entry)
        database.execute("INSERT INTO position VALUES (0, ?)", (position.model_dump_json(),))
    return workspace


def _stored(workspace: Workspace, climb: Played) -> dict[str, str]:
    """Commits in the store for what was kept, by the commit that the climb says."""
    store, parent = Projection(workspace), Projection(workspace).clean_head(climb.started.tag)
    source = workspace.harness.read_text()
    found: dict[str, str] = {}
    for one in climb.rows:
        made = climb.candidates[one.commit]
        if one.row.status == "keep":
            files = {
                workspace.harness.name: f"TURNS = {len(found)}\n{source}",
                f"{workspace.notes.name}/skills/count/SKILL.md": f"Count to {len(found)}.\n",
            }
            encoded = {path: text.encode() for path, text in files.items()}
            parent = store.store(encoded, parent=parent, message=made.description)
        found[made.id] = parent if one.row.status == "keep" else made.id
    return found


type Line = tuple[float, str, str, str]


def _line(at: float, event: events.Event, about: str) -> Line:
    return at, event.kind, about, event.text()


def _lines(climb: Played, commits: dict[str, str], jobs: Path) -> Iterator[Line]:
    """The events of a climb: when, what kind, about what, and their text, in the order of play."""

    def real(made: Candidate) -> Candidate:
        return made.replace(id=commits[made.id], parent=made.parent and commits[made.parent])

    tag, at = climb.started.tag, BEGAN
    yield _line(at, climb.started.replace(baseline=real(climb.started.baseline)), tag)
    yield _line(at, events.TasksValidated(tasks=climb.tasks, excluded=climb.excluded), tag)
    for one, measured in zip(climb.rows, climb.evaluations.values(), strict=True):
        made, at = real(climb.candidates[one.commit]), BEGAN + one.at
        running = measured.running.replace(candidate=made.id)
        if made.parent:
            yield _line(at, events.CandidateCommitted(candidate=made), made.id)
        yield _line(at, events.EvaluationStarted(climb=tag, running=running), running.id)
        yield _line(at, events.WorkerStarted(), running.id)
        for trial in measured.trials:
            for kind, text in _trial_events(trial.task, trial.outcome, jobs):
                yield at, kind, running.id, text.replace(EVALUATION, running.id)
        yield _line(at, events.WorkerEnded(end="complete"), running.id)
        (decision,) = measured.decisions
        finished = events.EvaluationFinished(
            evaluation=running.id,
            climb=tag,
            kind=running.kind,
            state=decision.event.state,
            score=_score(climb, one.row),
            charged_dollars=0.5,
            verdict=decision.event.verdict,
            noise=None if made.parent else Noise(pairs=len(climb.tasks), differing=0),
        )
        yield _line(at + 1, finished, made.digest)
        row = one.row.replace(commit=made.short)
        yield _line(at + 2, events.ResultRecorded(climb=tag, row=row), made.id)
    if climb.certificate:
        yield _line(at, events.CertificationStarted(reason=climb.reason, capped=True), tag)
        yield _line(at, events.Certified(certificate=climb.certificate), tag)


@cache
def _trial_events(task: str, outcome: Outcome, jobs: Path) -> tuple[tuple[str, str], ...]:
    """Kind and text of what a trial writes, in an evaluation called `EVALUATION`."""
    trial = _trial(task, outcome).replace(id=f"{EVALUATION}.{task}.1")
    started = events.TrialStarted(task=task, attempt=1, trial=trial.id, reserved_dollars=0.05)
    place = str(jobs / "night" / f"{EVALUATION}-candidate" / f"{task}__1")
    finished = events.TrialFinished(trial=trial, directory=place)
    return tuple((event.kind, event.text()) for event in (started, finished))


def _score(climb: Played, row: Row) -> Score:
    return Score(
        passed=sum(score == 1 for score in row.task_scores.values()),
        expected=len(climb.tasks),
        void=0,
        avg_score=None,
        task_scores=row.task_scores,
        cost_usd=row.cost_usd,
        seconds=60.0,
        crashed=0,
    )
