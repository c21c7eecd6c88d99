"""The facts of a climb, as frozen values. No I/O, no rules.

Everything here is written into the journal as JSON and read back equal; a field
is added with a default, never renamed.
"""

import operator
import re
from collections.abc import Mapping
from typing import Any, Literal, Self

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["passed", "failed", "crashed", "timeout", "invalid", "tampered", "void"]
"""How a trial ended. Only `void` has no reward: it measured nothing (rule R9).

`crashed`: the harness process failed; `timeout`: the task's time ran out; `invalid`:
the verifier left no acceptable reward. All three score what the verifier said, or 0.
`tampered`: what the verifier relies on was changed, so what it said counts for nothing: 0.
"""

EvaluationKind = Literal["baseline", "full", "subset", "oracle", "noop", "certify"]
"""What an evaluation is for. Only `baseline` and `full` enter the gate (rule R4)."""

EvaluationState = Literal[
    "running", "complete", "pruned", "cancelled", "indecisive", "out_of_time", "out_of_budget"
]
"""`pruned`: stopped early, because nothing that was left could have made a keep."""

GateRule = Literal["strict", "confirm", "anytime", "posterior"]

RowStatus = Literal["keep", "discard", "crash"]
"""The ledger's status column, the upstream's three words."""

Reason = Literal[
    "baseline",
    "passed_up",
    "simpler",
    "not_simpler",
    "passed_down",
    "crashed",
    "pruned",
    "not_confirmed",
    "expected_gain",
    "no_expected_gain",
    "measured_before",
    "cancelled",
    "indecisive",
    "out_of_time",
    "budget",
]

Phase = Literal[
    "new",
    "validating",
    "baseline_needed",
    "idle",
    "committed",
    "evaluating",
    "evaluated",
    "certifying",
    "finished",
]
"""Where a climb stands. `new` means no climb was started yet."""


STAND_IN_ENDING = "-stand-in"
"""Ends every model name in the answers of `autoagent standin`."""
STAND_IN = "STAND-IN"
"""What stands wherever a number appears that such an answer had a part in."""


def clean(text: str) -> str:
    """Text that can be encoded: half of a surrogate pair, which JSON can carry, becomes `?`."""
    return text.encode("utf-8", "replace").decode()


def _like_these(value: object) -> bool:
    return value == "tasks_like_these"


def _nothing(value: object) -> bool:
    return not value


class Record(BaseModel):
    """A frozen value with no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def replace(self, **changes: Any) -> Self:
        """The same value but for some fields."""
        return self.model_copy(update=changes)


class ModelUse(Record):
    """What a trial's harness used of its model, as metered at the gateway, never as claimed.

    `input_tokens` include the cached ones, `output_tokens` the reasoning. A call is unmetered
    where the provider did not say what it used. `refused_models` were asked for and not pinned, or
    at another effort than is; `efforts` is how hard each model was asked, `model: effort`.
    """

    calls: int = 0
    unmetered_calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    refused_models: tuple[str, ...] = ()
    efforts: tuple[str, ...] = Field(default=(), exclude_if=_nothing)


class Trial(Record):
    """One execution of one task by one harness.

    `side` names whose harness ran, where an evaluation measures several: "" is the one it is
    about. `reward` is the verifier's number in 0..1, or None where the trial is void.
    `cost_usd` is what was metered, None where nothing was metered (blank, never 0);
    `judge_cost_usd` is what its verifiers' model cost. `model_use` is None without a gateway.
    `stand_in`: the stand-in answered the harness or the verifiers in the place of a model.
    `in_place`: the verifier ran where the candidate had acted, as a live service needs.
    `as_left`: the verifier started with what the candidate left at home, as the oracle needs.
    `silent`: it timed out or crashed before its first call to its environment or a model.
    `unanswered`: it called its model and got no answer that it could use.
    """

    id: str
    task: str
    attempt: int
    side: str = ""
    outcome: Outcome
    reward: float | None
    detail: str = ""
    in_place: bool = False
    as_left: bool = Field(default=False, exclude_if=operator.not_)
    seconds: float = 0.0
    cost_usd: float | None = None
    judge_cost_usd: float | None = None
    model_use: ModelUse | None = None
    stand_in: bool = False
    silent: bool = Field(default=False, exclude_if=operator.not_)
    unanswered: bool = Field(default=False, exclude_if=operator.not_)


class Used(Struct, frozen=True, gc=False):
    """What of its `ModelUse` a `Glimpse` tells."""

    calls: int = 0
    unmetered_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Glimpse(Struct, frozen=True, gc=False, kw_only=True):
    """What a reader of whole nights needs of a `Trial`: quicker to read, and smaller."""

    id: str
    task: str
    attempt: int
    side: str = ""
    outcome: Outcome
    reward: float | None
    detail: str = ""
    seconds: float = 0.0
    cost_usd: float | None = None
    judge_cost_usd: float | None = None
    model_use: Used | None = None
    silent: bool = False
    unanswered: bool = False


class Score(Record):
    """An evaluation's aggregate over every expected trial (rules R3, R5).

    `passed` counts trials at or above the pass reward; `expected` counts trials that
    should have run, so a missing or void trial is never dropped from the denominator.
    `void` counts those that ran and measured nothing, `not_run` those that never ended.
    `stand_in`: in one trial at least the stand-in answered in the place of a model.
    """

    passed: int
    expected: int
    void: int
    not_run: int = 0
    avg_score: float | None
    task_scores: Mapping[str, float | None]
    cost_usd: float | None
    seconds: float
    crashed: int
    stand_in: bool = False

    @property
    def measured(self) -> int:
        """Trials that gave an outcome."""
        return self.expected - self.void - self.not_run


class Candidate(Record):
    """A committed harness: the editable part of agent.py plus `.agent/**`.

    `id` is its commit in the store; `digest` names its content, so identical
    content is one evaluation (rule R8). `complexity` is the simplicity measure C.
    """

    id: str
    digest: str
    parent: str | None
    description: str
    complexity: int
    warnings: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The seven characters the ledger and the tools show."""
        return self.id[:7]


class Copied(Record):
    """How many passages of a task's file a candidate holds; `task` is "" for a held-out one."""

    task: str
    file: str
    passages: int


class Standing(Record):
    """A measured candidate: what the gate compares."""

    candidate: Candidate
    evaluation: str
    score: Score


class Verdict(Record):
    """A gate's answer and the one sentence that explains it."""

    status: RowStatus
    reason: Reason
    sentence: str

    @property
    def keep(self) -> bool:
        """Whether the candidate becomes the incumbent."""
        return self.status == "keep"


class Prior(Record):
    """What is believed before a candidate is measured (gate/rules/posterior.py).

    A task's chance is Beta(`a`, `b`). An edit changes one of several `shares` of the tasks, or
    shifts the log-odds of all by a normal of `shift_spread`; each of these has its weight. A trial
    has a `price`, in tasks gained (gate/rules/price.py); climbs of old have none.
    """

    a: float
    b: float
    shares: tuple[tuple[float, float], ...]
    shift_weight: float
    shift_spread: float
    price: float | None = Field(default=None, exclude_if=_nothing)


class Contest(Record):
    """What a candidate has to achieve: the human's gate, and the incumbent it is held against.

    `stored` is how many trials of one pass the incumbent passed when it was last measured;
    `simpler` is whether the candidate is simpler than it, so that a tie is enough (rule R5).
    `posterior` alone has a `pool`, the incumbent's trials passed and measured so far, task by task,
    and a `prior`; `bounded` asks for a bound on false keeps beside the belief.
    """

    rule: GateRule
    passes: int
    alpha: float
    pruning: bool
    stored: int
    simpler: bool
    pool: Mapping[str, tuple[float, float]] = Field(default={}, exclude_if=_nothing)
    prior: Prior | None = Field(default=None, exclude_if=_nothing)
    bounded: bool = Field(default=False, exclude_if=_nothing)


class Noise(Record):
    """What the baseline's two passes showed (rule R2): paired trials, and how many differ."""

    pairs: int
    differing: int


class Effect(Record):
    """How much better one harness is than another on the same tasks, freshly measured.

    Rates are trials passed of trials measured, each task with the same weight; `low` and
    `high` bound the true difference with 95 % confidence. `pairs` counts trials of each side.
    """

    tasks: int
    pairs: int
    before: float
    after: float
    difference: float
    low: float
    high: float


About = Literal["these_tasks", "tasks_like_these"]
"""What an interval speaks of: the very tasks, run again, or others of their kind."""


class Certificate(Record):
    """A climb's result, measured afresh once it was over, and once only.

    `effect` is the champion against the baseline; `holdout` the same on tasks the meta-agent
    never saw. `optimistic` is the difference the search itself saw, which luck inflates.
    `left_out` tells, for each kept edit, the champion against itself without that edit. Their
    intervals are `about` these tasks, but the holdout's is about tasks like them.
    `stand_in`: in one trial at least the stand-in answered in the place of a model.
    `answered_by` has, for each model that was asked, the names that its answers gave.
    """

    baseline: str
    champion: str
    passes: int
    effect: Effect
    holdout: Effect | None = None
    optimistic: float
    void: int = 0
    about: About = Field(default="tasks_like_these", exclude_if=_like_these)
    left_out: Mapping[str, Effect] = {}
    stand_in: bool = False
    answered_by: tuple[tuple[str, str], ...] = Field(default=(), exclude_if=_nothing)


class Row(Record):
    """One line of the ledger: the upstream's seven columns, unchanged and in order."""

    commit: str
    avg_score: float | None
    passed: str
    task_scores: Mapping[str, float | None]
    cost_usd: float | None
    status: RowStatus
    description: str


def row_of(measured: Standing, verdict: Verdict, description: str) -> Row:
    """The ledger's row of a measured candidate.

    Its description begins with what a reader must know of the numbers: that the STAND-IN made
    them, or that the evaluation was stopped early. How many trials such a one passes was not found
    out and stays blank. A description that begins so already is left as it is.
    """
    score = measured.score
    pruned = verdict.reason == "pruned"
    marks = f"{STAND_IN} " if score.stand_in else ""
    if pruned:
        marks += f"(pruned after {score.measured}/{score.expected}) "
    if not description.startswith(marks):
        description = f"{marks}{description}"
    return Row(
        commit=measured.candidate.short,
        avg_score=score.avg_score,
        passed="" if pruned else f"{score.passed}/{score.expected}",
        task_scores=score.task_scores,
        cost_usd=score.cost_usd,
        status=verdict.status,
        description=description,
    )


_MARKS = re.compile(rf"({STAND_IN} )?(\(pruned after \d+/\d+\) )?")


def unmarked(description: str) -> str:
    """A row's description without what `row_of` put before it."""
    return _MARKS.sub("", description, count=1)


class Spent(Record):
    """What the climb has used of its budget (rule R10); reserved counts as used."""

    evaluations: int = 0
    dollars: float = 0.0
    reserved_dollars: float = 0.0


class Side(Record):
    """Another harness that an evaluation measures beside the one it is about."""

    name: str
    candidate: str
    digest: str


class Running(Record):
    """The evaluation a worker is busy with. `digest` names the candidate's content.

    A pass is every task's `attempts`, once: `tasks` are run in their order, pass after pass.
    Where there is a `contest` the gate says how many passes there are; the first is the
    candidate's alone. `hidden` evaluations are of held-out tasks: no tool tells of them.
    """

    id: str
    kind: EvaluationKind
    candidate: str
    digest: str
    tasks: tuple[str, ...]
    attempts: int
    passes: int = 1
    against: tuple[Side, ...] = ()
    contest: Contest | None = None
    hidden: bool = False
    as_left: bool = Field(default=False, exclude_if=operator.not_)
    """Whether verifiers start with what was left, which is asked of an oracle alone."""
    one_cause_is_none: bool = Field(default=False, exclude_if=operator.not_)
    """Whether a pass that crashed everywhere for one reason is no measurement; of a baseline."""
    most_dollars: float | None = None
    """What its models may cost in all; None where no cap is set."""
    reserved_dollars: float = 0.0
    deadline: float = 0.0
    """Unix seconds after which the worker stops by itself."""

    def digest_of(self, side: str) -> str:
        """The content of one side's harness."""
        return next((s.digest for s in self.against if s.name == side), self.digest)

    @property
    def expected(self) -> int:
        """Trials that must be accounted for; with a contest, those of its first pass."""
        one_pass = len(self.tasks) * self.attempts
        return one_pass if self.contest else one_pass * self.passes * (1 + len(self.against))
