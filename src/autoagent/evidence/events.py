"""The kinds of events a journal holds: one frozen record each, by whose class a reader matches.

A worker writes those about trials, the referee all others. An event's kind stands in the journal
beside its facts, and so it does not stand among them. Whatever was ever written must be read: a
field is added with the default that was true before it, and one that is gone is passed over. A
field with `exclude_if` is not written where it says nothing, as it never was.
Nothing here knows where events are stored, or what they do to a climb.
"""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from autoagent.records import (
    Candidate,
    Certificate,
    Copied,
    EvaluationKind,
    EvaluationState,
    Noise,
    Outcome,
    Record,
    Row,
    Running,
    Score,
    Trial,
    Verdict,
)


def _nothing(value: object) -> bool:
    return not value


class Facts(Record):
    """What every kind of event has: facts that are one JSON object, the same for the same facts."""

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True)

    def text(self) -> str:
        """The facts as they are stored and hashed: keys in order, no spaces, UTF-8."""
        facts = self.model_dump(by_alias=True)
        return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class ClimbStarted(Facts):
    """R1: everything a climb is played by is frozen. About its tag.

    `config` is the whole configuration as JSON: an old one is read by the rules of its time, so
    only who needs the rules makes a `Config` of it. `head` is the user's commit it started from;
    `tier` says how far the server was from the player.
    """

    kind: ClassVar[Literal["climb_started"]] = "climb_started"
    tag: str
    snapshot: str
    tasks: tuple[str, ...]
    holdout: tuple[str, ...] = ()
    excluded: Mapping[str, str]
    baseline: Candidate
    model: str | None
    config: Mapping[str, Any] = {}
    head: str
    isolation: str
    tier: str = ""


class TaskValidated(Facts):
    """R1: what a probe found of a task, on the terms it was asked on. About the task's digest.

    Where no `pass_reward` was recorded, nobody knows what was asked: it answers no question.
    """

    kind: ClassVar[Literal["task_validated"]] = "task_validated"
    probe: Literal["oracle", "noop"]
    pass_reward: float | None = None
    environment: str = "sandbox"
    outcome: Outcome
    detail: str
    trial: str


class TasksValidated(Facts):
    """R1: the tasks that count in this climb, and why the others do not. About its tag."""

    kind: ClassVar[Literal["tasks_validated"]] = "tasks_validated"
    tasks: tuple[str, ...]
    excluded: Mapping[str, str]
    holdout: tuple[str, ...] = ()
    holdout_excluded: Mapping[str, str] = {}


class CandidateCommitted(Facts):
    """A changed harness waits to be measured. About its commit.

    `copied` is what it holds of the tasks word for word (threat E4).
    """

    kind: ClassVar[Literal["candidate_committed"]] = "candidate_committed"
    candidate: Candidate
    copied: tuple[Copied, ...] = Field(default=(), exclude_if=_nothing)


class CandidateReverted(Facts):
    """R6: the files are the incumbent's again. About the commit that was left."""

    kind: ClassVar[Literal["candidate_reverted"]] = "candidate_reverted"
    restored: str


class EvaluationStarted(Facts):
    """R10: what will be measured, its budget reserved; no worker runs yet. About its id."""

    kind: ClassVar[Literal["evaluation_started"]] = "evaluation_started"
    climb: str
    running: Running


class EvaluationResumed(Facts):
    """An evaluation that was settled before its end goes on. About its id."""

    kind: ClassVar[Literal["evaluation_resumed"]] = "evaluation_resumed"
    climb: str
    running: Running


class EvaluationFinished(Facts):
    """R3, R5: an evaluation is settled: its score, its charge, its verdict. About the content.

    `verdict` is None where it decides nothing; `noise` is the baseline's alone (rule R2).
    """

    kind: ClassVar[Literal["evaluation_finished"]] = "evaluation_finished"
    evaluation: str
    climb: str
    evaluation_kind: EvaluationKind = Field(alias="kind")
    state: EvaluationState
    score: Score
    charged_dollars: float
    verdict: Verdict | None
    noise: Noise | None = Field(default=None, exclude_if=_nothing)


class EvaluationReused(Facts):
    """R8: content that was measured is decided anew by its one measurement. About the content."""

    kind: ClassVar[Literal["evaluation_reused"]] = "evaluation_reused"
    evaluation: str
    climb: str
    evaluation_kind: EvaluationKind = Field(alias="kind")
    state: EvaluationState
    score: Score
    verdict: Verdict


class ResultRecorded(Facts):
    """R7: the ledger's row, by which the verdict takes effect. About the candidate's commit."""

    kind: ClassVar[Literal["result_recorded"]] = "result_recorded"
    climb: str
    row: Row


class CertificationStarted(Facts):
    """R12: the climb is over, and what it is worth is measured. About its tag.

    `capped`: it has to fit into the climb's budget; what the human asked for has not.
    """

    kind: ClassVar[Literal["certification_started"]] = "certification_started"
    reason: str
    capped: bool


class Certified(Facts):
    """R12: what the climb is worth; nothing comes after it. About its tag."""

    kind: ClassVar[Literal["certified"]] = "certified"
    certificate: Certificate


class ClimbFinished(Facts):
    """The climb ends without a certificate; `uncertified` says why. About its tag."""

    kind: ClassVar[Literal["climb_finished"]] = "climb_finished"
    reason: str
    uncertified: str = Field(default="", exclude_if=_nothing)


class WorkerStarted(Facts):
    """R9: a worker is about to be started; each start counts. About the evaluation."""

    kind: ClassVar[Literal["worker_started"]] = "worker_started"


class WorkerFailed(Facts):
    """A worker could not be started. About the evaluation."""

    kind: ClassVar[Literal["worker_failed"]] = "worker_failed"
    reason: str


class WorkerEnded(Facts):
    """A worker that was not killed says how it ended, last of all. About the evaluation."""

    kind: ClassVar[Literal["worker_ended"]] = "worker_ended"
    end: EvaluationState


class CancelRequested(Facts):
    """Somebody wants the evaluation to stop; no restart forgets it. About the evaluation."""

    kind: ClassVar[Literal["cancel_requested"]] = "cancel_requested"


class TrialStarted(Facts):
    """R10: a trial's dollars are reserved; it has done nothing yet. About the evaluation."""

    kind: ClassVar[Literal["trial_started"]] = "trial_started"
    task: str
    attempt: int
    side: str = ""
    trial: str
    reserved_dollars: float


class TrialFinished(Facts):
    """R3: what a trial measured, and Harbor's directory of it. About the evaluation."""

    kind: ClassVar[Literal["trial_finished"]] = "trial_finished"
    trial: Trial
    directory: str


class TrialLost(Facts):
    """R10: a trial never ended. It is charged what was metered, else what was reserved.

    About the evaluation.
    """

    kind: ClassVar[Literal["trial_lost"]] = "trial_lost"
    trial: str
    cost_usd: float | None = None


class ModelRefused(Facts):
    """A harness asked for a model that is not pinned (threat A6). About the evaluation."""

    kind: ClassVar[Literal["model_refused"]] = "model_refused"
    trial: str
    model: str
    path: str


type Decision = EvaluationFinished | EvaluationReused
"""What an evaluation said of a candidate."""

type Event = (
    ClimbStarted
    | TaskValidated
    | TasksValidated
    | CandidateCommitted
    | CandidateReverted
    | EvaluationStarted
    | EvaluationResumed
    | EvaluationFinished
    | EvaluationReused
    | ResultRecorded
    | CertificationStarted
    | Certified
    | ClimbFinished
    | WorkerStarted
    | WorkerFailed
    | WorkerEnded
    | CancelRequested
    | TrialStarted
    | TrialFinished
    | TrialLost
    | ModelRefused
)
"""What may be appended to a journal."""

KINDS: Mapping[str, type[Event]] = {each.kind: each for each in get_args(Event.__value__)}
"""The record of each kind."""


class Unknown(Record):
    """An event of a kind that this version does not know: it is kept, and moves nothing."""

    kind: str
    text: str


def read(kind: str, text: str) -> Event | Unknown:
    """The event that a journal holds.

    Raises:
        ValidationError: The kind is known, and these are not its facts.
    """
    known = KINDS.get(kind)
    return known.model_validate_json(text) if known else Unknown(kind=kind, text=text)
