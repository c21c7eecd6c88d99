"""The position of a climb, and what each event does to it. Pure: no I/O.

    new → validating → baseline_needed → evaluating → evaluated → idle
    idle → committed → evaluating → evaluated → idle → … → certifying → finished

Every position is a fold of the journal's events, so `autoagent verify` can replay
a whole night and compare.
"""

from enum import StrEnum
from typing import assert_never

from autoagent.evidence.journal import Event
from autoagent.records import (
    Candidate,
    Certificate,
    Noise,
    Phase,
    Record,
    Running,
    Score,
    Spent,
    Standing,
    Verdict,
)


class Kind(StrEnum):
    """The kinds of events. A worker writes those about trials, the referee all others."""

    CLIMB_STARTED = "climb_started"
    TASK_VALIDATED = "task_validated"
    TASKS_VALIDATED = "tasks_validated"
    CANDIDATE_COMMITTED = "candidate_committed"
    EVALUATION_STARTED = "evaluation_started"
    EVALUATION_RESUMED = "evaluation_resumed"
    EVALUATION_FINISHED = "evaluation_finished"
    EVALUATION_REUSED = "evaluation_reused"
    RESULT_RECORDED = "result_recorded"
    CANDIDATE_REVERTED = "candidate_reverted"
    CERTIFICATION_STARTED = "certification_started"
    CERTIFIED = "certified"
    CLIMB_FINISHED = "climb_finished"
    WORKER_STARTED = "worker_started"
    WORKER_FAILED = "worker_failed"
    CANCEL_REQUESTED = "cancel_requested"
    TRIAL_STARTED = "trial_started"
    TRIAL_FINISHED = "trial_finished"
    TRIAL_LOST = "trial_lost"
    MODEL_REFUSED = "model_refused"
    WORKER_ENDED = "worker_ended"


class Position(Record):
    """Where a climb stands: enough to decide which call comes next.

    `pending` is the verdict of an evaluated candidate whose ledger row is not written yet;
    `running` is set exactly while a worker measures. `holdout` are usable held-out tasks.
    `uncertified` says why a finished climb has no certificate.
    """

    phase: Phase = "new"
    tag: str = ""
    started_at: float = 0.0
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


def replay(stored: str | None, event: Event) -> str:
    """`apply` over stored JSON: the journal's fold."""
    position = Position.model_validate_json(stored) if stored else Position()
    return apply(position, event).model_dump_json()


def apply(position: Position, event: Event) -> Position:
    """The position after an event. Events that carry no rule leave it as it is."""
    body = event.body
    match event.kind:
        case Kind.CLIMB_STARTED:
            return Position(
                phase="validating",
                tag=body["tag"],
                started_at=event.at,
                snapshot=body["snapshot"],
                tasks=tuple(body["tasks"]),
                holdout=tuple(body.get("holdout", ())),
                baseline=Candidate.model_validate(body["baseline"]),
            )
        case Kind.TASKS_VALIDATED:
            return position.model_copy(
                update={
                    "phase": "baseline_needed",
                    "tasks": tuple(body["tasks"]),
                    "holdout": tuple(body.get("holdout", ())),
                }
            )
        case Kind.CANDIDATE_COMMITTED:
            candidate = Candidate.model_validate(body["candidate"])
            return position.model_copy(update={"phase": "committed", "candidate": candidate})
        case Kind.EVALUATION_STARTED | Kind.EVALUATION_RESUMED:
            running = Running.model_validate(body["running"])
            spent = position.spent.model_copy(
                update={
                    "evaluations": position.spent.evaluations
                    + (running.kind in ("baseline", "full", "subset")),
                    "reserved_dollars": running.reserved_dollars,
                }
            )
            stays = running.kind in ("oracle", "noop", "certify")
            phase = position.phase if stays else "evaluating"
            return position.model_copy(update={"phase": phase, "running": running, "spent": spent})
        case Kind.EVALUATION_FINISHED:
            return _settled(position, event)
        case Kind.EVALUATION_REUSED:
            return _awaiting_row(position, event)
        case Kind.RESULT_RECORDED:
            return _recorded(position, event)
        case Kind.CANDIDATE_REVERTED:
            return position.model_copy(update={"phase": "idle", "candidate": None})
        case Kind.CERTIFICATION_STARTED:
            return position.model_copy(update={"phase": "certifying", "uncertified": ""})
        case Kind.CERTIFIED:
            certificate = Certificate.model_validate(body["certificate"])
            return position.model_copy(update={"phase": "finished", "certificate": certificate})
        case Kind.CLIMB_FINISHED:
            return position.model_copy(
                update={
                    "phase": "finished",
                    "candidate": None,
                    "running": None,
                    "uncertified": body.get("uncertified", ""),
                }
            )
        case _:
            return position


def _settled(position: Position, event: Event) -> Position:
    """Settle the budget; a decisive evaluation waits for its ledger row."""
    running = position.running
    assert running is not None, "an evaluation ended that nobody started"
    spent = position.spent.model_copy(
        update={
            "dollars": position.spent.dollars + event.body["charged_dollars"],
            "reserved_dollars": 0.0,
        }
    )
    settled = position.model_copy(update={"running": None, "spent": spent})
    match running.kind:
        case "oracle" | "noop" | "certify":
            return settled
        case "subset":
            return settled.model_copy(update={"phase": resting(settled)})
        case "baseline" if event.body["verdict"] is None:  # unfinished: it is run again
            return settled.model_copy(update={"phase": "baseline_needed"})
        case "baseline":
            noise = Noise.model_validate(event.body["noise"])
            return _awaiting_row(settled.model_copy(update={"noise": noise}), event)
        case "full":
            return _awaiting_row(settled, event)
        case _ as never:
            assert_never(never)


def _awaiting_row(position: Position, event: Event) -> Position:
    """A decided candidate, its verdict pending until the ledger row is written."""
    candidate = position.proposed
    assert candidate is not None, "an evaluation ended that has no candidate"
    standing = Standing(
        candidate=candidate,
        evaluation=event.body["evaluation"],
        score=Score.model_validate(event.body["score"]),
    )
    verdict = Verdict.model_validate(event.body["verdict"])
    return position.model_copy(
        update={"phase": "evaluated", "evaluated": standing, "pending": verdict}
    )


def _recorded(position: Position, event: Event) -> Position:
    """The verdict takes effect: a keep moves the incumbent (rules R5, R6, R7)."""
    kept = event.body["row"]["status"] == "keep"
    evaluated = position.evaluated
    first = position.baseline_passed is None and evaluated is not None
    return position.model_copy(
        update={
            "phase": "idle",
            "incumbent": evaluated if kept else position.incumbent,
            "baseline_passed": evaluated.score.passed
            if first and evaluated
            else position.baseline_passed,
            "candidate": None,
            "evaluated": None,
            "pending": None,
            "rows": position.rows + 1,
        }
    )


def resting(position: Position) -> Phase:
    """The phase a climb returns to when nothing runs."""
    if position.incumbent is None:
        return "baseline_needed"
    return "committed" if position.candidate else "idle"
