"""What the referee tells its callers: small frozen values, ready for a reply."""

from collections.abc import Mapping

from autoagent.records import (
    Candidate,
    Certificate,
    EvaluationKind,
    EvaluationState,
    Phase,
    Record,
    Running,
    Score,
    Standing,
    Trial,
    Verdict,
)


class Status(Record):
    """Where the climb stands, what is left of the budget and which calls come next (rule R11)."""

    phase: Phase
    tag: str
    tasks: int
    baseline_passed: int | None
    incumbent: Standing | None
    candidate: Candidate | None
    running: Running | None
    pending: Verdict | None
    certificate: Certificate | None
    uncertified: str
    rows: int
    evaluations_left: int | None
    hours_left: float | None
    dollars_left: float | None
    next_calls: tuple[str, ...]
    head: str
    tier: str
    isolation: str
    drift: tuple[str, ...]
    notes: tuple[str, ...]
    state_directory: str
    program: str


class Progress(Record):
    """How far the running evaluation is. `seconds` is wall clock since it started.

    `stand_in`: in a trial that ended the stand-in answered in the place of a model.
    """

    evaluation: str
    kind: EvaluationKind
    done: int
    expected: int
    passed: int
    void: int
    seconds: float
    last: Trial | None
    stand_in: bool = False


class Commitment(Record):
    """What `commit_candidate` found. `candidate` is None after a dry run."""

    candidate: Candidate | None
    complexity: int
    incumbent_complexity: int
    warnings: tuple[str, ...]
    duplicate_of: str | None


class EvaluationReport(Record):
    """One evaluation with every trial that has ended so far."""

    id: str
    kind: EvaluationKind
    candidate: str
    state: EvaluationState
    score: Score | None
    verdict: Verdict | None
    trials: tuple[Trial, ...]


class Comparison(Record):
    """Two evaluations, task by task. `parts` tells where a changed task's trajectories part."""

    candidate: str
    against: str
    fixed: tuple[str, ...]
    broken: tuple[str, ...]
    same_passed: int
    same_failed: int
    parts: Mapping[str, str]
