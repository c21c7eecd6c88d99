"""What tools answer: the models are the output schemas, and the text says the same.

Some clients show the model only the structured reply, some only the text; both are made
from one value here. Every reply tells where the climb stands (rule R11).
"""

from collections.abc import Iterator
from typing import Any, Self

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict

from autoagent.records import (
    EvaluationKind,
    EvaluationState,
    Outcome,
    Phase,
    Row,
    Score,
    Standing,
    Verdict,
)
from autoagent.records import Status as RowStatus
from autoagent.referee.views import Status


class Part(BaseModel):
    """A frozen piece of a reply."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScorePart(Part):
    """What an evaluation measured. `cost_usd` is null where nothing was metered."""

    passed: int
    expected: int
    void: int
    avg_score: float | None
    cost_usd: float | None
    seconds: float

    @classmethod
    def of(cls, score: Score) -> Self:
        """Without the tasks' own scores, which are told by id."""
        return cls(
            passed=score.passed,
            expected=score.expected,
            void=score.void,
            avg_score=None if score.avg_score is None else round(score.avg_score, 4),
            cost_usd=score.cost_usd,
            seconds=round(score.seconds, 1),
        )


class IncumbentPart(Part):
    """The best kept harness, and how many trials the baseline passed."""

    commit: str
    description: str
    complexity: int
    score: ScorePart
    baseline_passed: int | None

    @classmethod
    def of(cls, standing: Standing, baseline_passed: int | None) -> Self:
        """From what the referee keeps."""
        return cls(
            commit=standing.candidate.short,
            description=standing.candidate.description[:200],
            complexity=standing.candidate.complexity,
            score=ScorePart.of(standing.score),
            baseline_passed=baseline_passed,
        )


class RowPart(Part):
    """A line of the ledger, without the tasks' own scores."""

    commit: str
    passed: str
    avg_score: float | None
    cost_usd: float | None
    status: RowStatus
    description: str

    @classmethod
    def of(cls, row: Row) -> Self:
        """From what the referee wrote."""
        return cls(**row.model_dump(exclude={"task_scores"}))


class Reply(Part):
    """What every tool says: what happened, the call to make now, and where the climb stands."""

    message: str
    next_step: str
    phase: Phase
    incumbent: IncumbentPart | None
    budget_left: str
    next_calls: list[str]
    head: str

    def result(self) -> CallToolResult:
        """The reply on the wire: the same facts twice."""
        facts = self.model_dump(mode="json")
        text = "\n".join(_lines(facts))
        return CallToolResult(content=[TextContent(text=text)], structured_content=facts)


class StartReply(Reply):
    """`start_climb`."""

    tag: str
    tasks: int
    notes: list[str]


class StatusReply(Reply):
    """`status`."""

    tag: str
    tasks: int
    rows: int
    candidate: str | None
    running: str | None
    verdict: Verdict | None
    drift: list[str]
    notes: list[str]
    tier: str
    isolation: str
    state_directory: str


class FileReply(Reply):
    """`read_file`: a window of lines. `next_offset` is null where the file ends."""

    path: str
    total_lines: int
    next_offset: int | None
    text: str


class CommitReply(Reply):
    """`commit_candidate`. `candidate` is null after a dry run or a refusal."""

    candidate: str | None
    complexity: int
    incumbent_complexity: int
    warnings: list[str]
    duplicate_of: str | None


class BenchmarkReply(Reply):
    """`run_benchmark` and `cancel_benchmark`. `score` and `verdict` are null while it runs."""

    evaluation: str
    kind: EvaluationKind
    state: EvaluationState
    candidate: str
    score: ScorePart | None
    verdict: Verdict | None
    failing: list[str]
    failing_total: int


class TrajectoryReply(Reply):
    """`read_trajectory`. `untrusted` is data between random marks."""

    trial: str
    outcome: Outcome
    reward: float | None
    total_steps: int
    next_from_step: int | None
    untrusted: str


class CompareReply(Reply):
    """`compare`."""

    candidate: str
    against: str
    fixed: list[str]
    broken: list[str]
    same_passed: int
    same_failed: int
    parts: list[str]


class ResultReply(Reply):
    """`append_result`."""

    row: RowPart


def standing(status: Status) -> dict[str, Any]:
    """The fields of every reply that tell where the climb stands (rule R11)."""
    incumbent = status.incumbent
    return {
        "phase": status.phase,
        "incumbent": incumbent and IncumbentPart.of(incumbent, status.baseline_passed),
        "budget_left": budget_left(status),
        "next_calls": list(status.next_calls),
        "head": status.head,
    }


def budget_left(status: Status) -> str:
    """What is left of each cap, in words."""
    caps: list[str] = []
    if status.evaluations_left is not None:
        caps.append(f"{status.evaluations_left} evaluations")
    if status.hours_left is not None:
        caps.append(f"{status.hours_left:.1f} h")
    if status.dollars_left is not None:
        caps.append(f"${status.dollars_left:.2f}")
    return ", ".join(caps) or "no cap"


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    """Every value of a reply as text: the message first, long text last."""
    yield facts["message"]
    yield f"Next: {facts['next_step']}"
    long: list[str] = []
    for key, value in facts.items():
        if key in ("message", "next_step"):
            continue
        if isinstance(value, str) and "\n" in value:
            long.append(f"{key}:\n{value}")
        elif isinstance(value, list):
            items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
            yield f"{key}: {len(items) or 'none'}"
            yield from (f"- {item}" for item in items)
        else:
            yield f"{key}: {_short(value)}"
    yield from long


def _short(value: Any) -> str:
    if isinstance(value, dict):
        facts: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return ", ".join(f"{key} {_short(inner)}" for key, inner in facts.items())
    return "none" if value is None else str(value)
