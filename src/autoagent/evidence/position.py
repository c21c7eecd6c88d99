"""The position of a climb, and what each event does to it. Pure: no I/O.

    new → validating → baseline_needed → evaluating → evaluated → idle
    idle → committed → evaluating → evaluated → idle → … → certifying → finished

Every position is a fold of the journal's events, so `autoagent verify` can replay
a whole night and compare.
"""

import operator
from typing import assert_never

from pydantic import Field

from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Held
from autoagent.records import (
    Candidate,
    Certificate,
    Noise,
    Phase,
    Record,
    Running,
    Spent,
    Standing,
    Verdict,
)


class Position(Record):
    """Where a climb stands: enough to decide which call comes next.

    `pending` is the verdict of an evaluated candidate whose ledger row is not written yet;
    `running` is set exactly while a worker measures. `holdout` are usable held-out tasks.
    `uncertified` says why a finished climb has no certificate. `started_at` is when the night
    began, `spent` and `asleep` (seconds in which the machine slept or was off) are the night's: a
    climb may continue the one before it (rule R10).
    """

    phase: Phase = "new"
    tag: str = ""
    started_at: float = 0.0
    asleep: float = Field(default=0.0, exclude_if=operator.not_)
    snapshot: str = ""
    tasks: tuple[str, ...] = ()
    holdout: tuple[str, ...] = ()
    baseline: Candidate | None = None
    incumbent: Standing | None = None
    candidate: Candidate | None = None
    running: Running | None = None
    evaluated: Standing | None = None
    pending: Verdict | None = None
    spent: Spent = Spent()
    baseline_passed: int | None = None
    noise: Noise | None = None
    certificate: Certificate | None = None
    uncertified: str = ""
    rows: int = 0

    @property
    def proposed(self) -> Candidate | None:
        """Whom an evaluation that decides is about: the committed candidate, else the baseline."""
        return self.candidate or self.baseline


def apply(position: Position, entry: Entry[Held]) -> Position:
    """The position after an event. Events that carry no rule leave it as it is."""
    match entry.event:
        case events.ClimbStarted() as event:
            return Position(
                phase="validating",
                tag=event.tag,
                started_at=position.started_at if event.continues else entry.at,
                asleep=position.asleep if event.continues else 0.0,
                spent=position.spent if event.continues else Spent(),
                snapshot=event.snapshot,
                tasks=event.tasks,
                holdout=event.holdout,
                baseline=event.baseline,
            )
        case events.TasksValidated(tasks=tasks, holdout=holdout):
            return position.replace(phase="baseline_needed", tasks=tasks, holdout=holdout)
        case events.CandidateCommitted(candidate=candidate):
            return position.replace(phase="committed", candidate=candidate)
        case events.EvaluationStarted(running=running) | events.EvaluationResumed(running=running):
            return _running(position, running)
        case events.EvaluationFinished() as event:
            return _settled(position, event)
        case events.EvaluationReused() as event:
            return _awaiting_row(position, event, event.verdict)
        case events.ResultRecorded() as event:
            return _recorded(position, event)
        case events.CandidateReverted():
            return position.replace(phase="idle", candidate=None)
        case events.MachineSlept(seconds=seconds):
            return position.replace(asleep=position.asleep + seconds)
        case events.CertificationStarted():
            return position.replace(phase="certifying", uncertified="")
        case events.Certified(certificate=certificate):
            return position.replace(phase="finished", certificate=certificate)
        case events.ClimbFinished(uncertified=uncertified):
            return position.replace(
                phase="finished", candidate=None, running=None, uncertified=uncertified
            )
        case _:
            return position


def _running(position: Position, running: Running) -> Position:
    """An evaluation is begun: its dollars are reserved, and one that counts is counted."""
    counts = running.kind in ("baseline", "full", "subset")
    spent = position.spent.replace(
        evaluations=position.spent.evaluations + counts,
        reserved_dollars=running.reserved_dollars,
    )
    phase = "evaluating" if counts else position.phase
    return position.replace(phase=phase, running=running, spent=spent)


def _settled(position: Position, event: events.EvaluationFinished) -> Position:
    """Settle the budget; a decisive evaluation waits for its ledger row."""
    running = position.running
    assert running is not None, "an evaluation ended that nobody started"
    spent = position.spent.replace(
        dollars=position.spent.dollars + event.charged_dollars, reserved_dollars=0.0
    )
    settled = position.replace(running=None, spent=spent)
    match running.kind:
        case "oracle" | "noop" | "certify":
            return settled
        case "subset":
            return settled.replace(phase=resting(settled))
        case "baseline" if event.verdict is None:  # unfinished: it is run again
            return settled.replace(phase="baseline_needed")
        case "baseline":
            assert event.noise is not None, "a baseline ended that did not size the noise"
            noisy = settled.replace(noise=event.noise)
            return _awaiting_row(noisy, event, event.verdict)
        case "full":
            return _awaiting_row(settled, event, event.verdict)
        case _ as never:
            assert_never(never)


def _awaiting_row(position: Position, event: events.Decision, verdict: Verdict | None) -> Position:
    """A decided candidate, its verdict pending until the ledger row is written."""
    candidate = position.proposed
    assert candidate is not None, "an evaluation ended that has no candidate"
    assert verdict is not None, "an evaluation ended that decides, and did not decide"
    standing = Standing(candidate=candidate, evaluation=event.evaluation, score=event.score)
    return position.replace(phase="evaluated", evaluated=standing, pending=verdict)


def _recorded(position: Position, event: events.ResultRecorded) -> Position:
    """The verdict takes effect: a keep moves the incumbent (rules R5, R6, R7)."""
    kept = event.row.status == "keep"
    evaluated = position.evaluated
    passed = position.baseline_passed
    if passed is None and evaluated is not None:
        passed = evaluated.score.passed
    return position.replace(
        phase="idle",
        incumbent=evaluated if kept else position.incumbent,
        baseline_passed=passed,
        candidate=None,
        evaluated=None,
        pending=None,
        rows=position.rows + 1,
    )


def resting(position: Position) -> Phase:
    """The phase a climb returns to when nothing runs."""
    if position.incumbent is None:
        return "baseline_needed"
    return "committed" if position.candidate else "idle"
