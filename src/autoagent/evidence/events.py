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


def _unasked(value: bool | None) -> bool:
    return value is None


def _nothing(value: object) -> bool:
    return not value


class Facts(Record):
    """What every kind of event has: facts that are one JSON object, the same for the same facts."""

    model_config = ConfigDict(extra="ignore", validate_by_name=True, validate_by_alias=True)
    kind: ClassVar[str]

    def __init_subclass__(cls, kind: str) -> None:
        """Give a class of events the name that is stored: it outlives the name of the class."""
        cls.kind = kind

    def text(self) -> str:
        """The facts as they are stored and hashed: keys in order, no spaces, UTF-8."""
        facts = self.model_dump(by_alias=True)
        return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class ClimbStarted(Facts, kind="climb_started"):
    """R1: everything a climb is played by is frozen. About its tag.

    `config` is the whole configuration as JSON: an old one is read by the rules of its time, so
    only who needs the rules makes a `Config` of it. `head` is the user's commit it started from;
    `tier` says how far the server was from the player. `continues`: it is played in the night of
    the climb before it and draws on the same caps; nobody granted new ones (rule R10).
    """

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
    continues: bool = Field(default=False, exclude_if=_nothing)


class BudgetRenewed(Facts, kind="budget_renewed"):
    """R10: the human grants the next climb a night, and caps, of its own. About the last tag."""


class TaskValidated(Facts, kind="task_validated"):
    """R1: what a probe found of a task, on the terms it was asked on. About the task's digest.

    Where no `pass_reward` was recorded, nobody knows what was asked: it answers no question. So it
    is with an oracle of before `as_left`: whether its verifier started with the oracle's HOME.
    """

    probe: Literal["oracle", "noop"]
    pass_reward: float | None = None
    environment: str = "sandbox"
    as_left: bool | None = Field(default=None, exclude_if=_unasked)
    reward_key: str | None = Field(default=None, exclude_if=_unasked)
    outcome: Outcome
    detail: str
    trial: str


class TasksValidated(Facts, kind="tasks_validated"):
    """R1: the tasks that count in this climb, and why the others do not. About its tag.

    `as_left` are those whose oracle passes only where the verifier starts with what it left.
    """

    tasks: tuple[str, ...]
    excluded: Mapping[str, str]
    holdout: tuple[str, ...] = ()
    holdout_excluded: Mapping[str, str] = {}
    as_left: tuple[str, ...] = Field(default=(), exclude_if=_nothing)


class CandidateCommitted(Facts, kind="candidate_committed"):
    """A changed harness waits to be measured. About its commit.

    `copied` is what it holds of the tasks word for word (threat E4); `edits` what kinds of edit it
    is. `should_fix` and `may_break` are the tasks of which the meta-agent foretold that.
    """

    candidate: Candidate
    copied: tuple[Copied, ...] = Field(default=(), exclude_if=_nothing)
    edits: tuple[str, ...] = Field(default=(), exclude_if=_nothing)
    should_fix: tuple[str, ...] = Field(default=(), exclude_if=_nothing)
    may_break: tuple[str, ...] = Field(default=(), exclude_if=_nothing)


class CandidateReverted(Facts, kind="candidate_reverted"):
    """R6: the files are the incumbent's again. About the commit that was left."""

    restored: str


class EvaluationStarted(Facts, kind="evaluation_started"):
    """R10: what will be measured, its budget reserved; no worker runs yet. About its id."""

    climb: str
    running: Running


class EvaluationResumed(Facts, kind="evaluation_resumed"):
    """An evaluation that was settled before its end goes on. About its id."""

    climb: str
    running: Running


class EvaluationFinished(Facts, kind="evaluation_finished"):
    """R3, R5: an evaluation is settled: its score, its charge, its verdict. About the content.

    `verdict` is None where it decides nothing; `noise` is the baseline's alone (rule R2).
    """

    evaluation: str
    climb: str
    evaluation_kind: EvaluationKind = Field(alias="kind")
    state: EvaluationState
    score: Score
    charged_dollars: float
    verdict: Verdict | None
    noise: Noise | None = Field(default=None, exclude_if=_nothing)


class EvaluationReused(Facts, kind="evaluation_reused"):
    """R8: content that was measured is decided anew by its one measurement. About the content."""

    evaluation: str
    climb: str
    evaluation_kind: EvaluationKind = Field(alias="kind")
    state: EvaluationState
    score: Score
    verdict: Verdict


class ResultRecorded(Facts, kind="result_recorded"):
    """R7: the ledger's row, by which the verdict takes effect. About the candidate's commit."""

    climb: str
    row: Row


class PassesDoubted(Facts, kind="passes_doubted"):
    """Passing trials of an edit that is kept, and why they may have gamed the check, by trial.

    About the candidate's commit. It decides nothing.
    """

    trials: Mapping[str, tuple[str, ...]]


class CertificationStarted(Facts, kind="certification_started"):
    """R12: the climb is over, and what it is worth is measured. About its tag.

    `capped`: it has to fit into the climb's budget; what the human asked for has not.
    `handed_back`: the files are the human's again, as the climb found them.
    """

    reason: str
    capped: bool
    handed_back: bool = Field(default=False, exclude_if=_nothing)


class EditsNotAblated(Facts, kind="edits_not_ablated"):
    """R12: kept edits that no ablation measures, by commit, and why. About the climb's tag."""

    edits: Mapping[str, str]


class Certified(Facts, kind="certified"):
    """R12: what the climb is worth; nothing comes after it. About its tag."""

    certificate: Certificate


class ClimbFinished(Facts, kind="climb_finished"):
    """The climb ends without a certificate; `uncertified` says why. About its tag.

    `handed_back`: as where the certification starts.
    """

    reason: str
    uncertified: str = Field(default="", exclude_if=_nothing)
    handed_back: bool = Field(default=False, exclude_if=_nothing)


class EvidenceRemoved(Facts, kind="evidence_removed"):
    """The human had the files of an evaluation removed; its facts stay. About the evaluation."""

    bytes: int


class WorkerStarted(Facts, kind="worker_started"):
    """R9: a worker is about to be started; each start counts. About the evaluation."""


class MachineSlept(Facts, kind="machine_slept"):
    """R10: the machine was asleep, or off, for so long: nobody could work. About the tag."""

    seconds: float


class WorkerFailed(Facts, kind="worker_failed"):
    """A worker could not be started. About the evaluation."""

    reason: str


class WorkerEnded(Facts, kind="worker_ended"):
    """A worker that was not killed says how it ended, last of all. About the evaluation."""

    end: EvaluationState


class CancelRequested(Facts, kind="cancel_requested"):
    """Somebody wants the evaluation to stop; no restart forgets it. About the evaluation."""


class TrialStarted(Facts, kind="trial_started"):
    """R10: a trial's dollars are reserved; it has done nothing yet. About the evaluation."""

    task: str
    attempt: int
    side: str = ""
    trial: str
    reserved_dollars: float


class TrialFinished(Facts, kind="trial_finished"):
    """R3: what a trial measured, and Harbor's directory of it. About the evaluation."""

    trial: Trial
    directory: str


class TrialLost(Facts, kind="trial_lost"):
    """R10: a trial never ended. It is charged what was metered, else what was reserved.

    About the evaluation.
    """

    trial: str
    cost_usd: float | None = None


class ModelRefused(Facts, kind="model_refused"):
    """A harness asked for a model that is not pinned (threat A6). About the evaluation."""

    trial: str
    model: str
    path: str


class ModelAnswered(Facts, kind="model_answered"):
    """An answer named this model, for the first time in the climb. About the evaluation.

    `model` was asked for, and is pinned. Whether it is another one: `gateway.identity`.
    """

    model: str
    answered_by: str


class ProviderOut(Facts, kind="provider_out"):
    """R9: a model's provider, or where trials run, is out: no trial begins. No cause: it is back.

    About the evaluation.
    """

    provider: str
    cause: str


type Decision = EvaluationFinished | EvaluationReused
"""What an evaluation said of a candidate."""

type Event = (
    ClimbStarted
    | BudgetRenewed
    | TaskValidated
    | TasksValidated
    | CandidateCommitted
    | CandidateReverted
    | EvaluationStarted
    | EvaluationResumed
    | EvaluationFinished
    | EvaluationReused
    | PassesDoubted
    | ResultRecorded
    | CertificationStarted
    | EditsNotAblated
    | Certified
    | ClimbFinished
    | EvidenceRemoved
    | WorkerStarted
    | MachineSlept
    | WorkerFailed
    | WorkerEnded
    | CancelRequested
    | TrialStarted
    | TrialFinished
    | TrialLost
    | ModelRefused
    | ModelAnswered
    | ProviderOut
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
