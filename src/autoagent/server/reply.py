"""What tools answer: the models are the output schemas, and the text says the same.

Some clients show the model only the structured reply, some only the text; both are made
from one value here. What a reply knows of the climb are the referee's own views (rule R11).
"""

from collections.abc import Iterator
from typing import Any, Self

from mcp_types import CallToolResult, TextContent
from pydantic import Field

from autoagent.records import Outcome, Record
from autoagent.referee.telling.views import (
    Commitment,
    Comparison,
    Diagnosis,
    EvaluationReport,
    Lines,
    ShownRow,
    Situation,
    Status,
)


class Words(Record):
    """What happened, and the call to make now. All that a `brief` reply says."""

    message: str
    next_step: str
    brief: bool = Field(default=False, exclude=True)


class Reply(Situation, Words):
    """What every tool says: what happened, the call to make now, and where the climb stands."""

    @classmethod
    def of(cls, status: Status, message: str, next_step: str | None = None, **facts: Any) -> Self:
        """A reply with its own facts; what it shares with a status is the status's.

        Without a `next_step` it is the first of the next calls. Why nothing more can be started
        is said in every message.
        """
        shared: dict[str, Any] = {name: value for name, value in status if name in cls.model_fields}
        step = next_step or status.next_calls[0]
        if status.halted not in message:
            message = f"{message} {status.halted}"
        return cls(message=message, next_step=step, **(shared | facts))

    def facts(self) -> dict[str, Any]:
        """What goes over the wire: a brief reply only says what changed since the last one."""
        return self.model_dump(mode="json", include={*Words.model_fields} if self.brief else None)

    def result(self) -> CallToolResult:
        """The reply on the wire: the same facts twice."""
        facts = self.facts()
        text = "\n".join(lines(facts))
        return CallToolResult(content=[TextContent(text=text)], structured_content=facts)


class StartReply(Reply):
    """`start_climb`."""

    tag: str
    tasks: int
    notes: Lines


class StatusReply(Status, Reply):
    """`status`."""


class FileReply(Reply):
    """`read_file`: a window of lines. `next_offset` is null where the file ends."""

    path: str
    total_lines: int
    next_offset: int | None
    text: str


class CommitReply(Commitment, Reply):
    """`commit_candidate`. `candidate` is null after a dry run or a refusal."""


class BenchmarkReply(EvaluationReport, Reply):
    """`run_benchmark` and `cancel_benchmark`. `score` and `verdict` are null while it runs."""

    failing: tuple[str, ...]
    failing_total: int


class TrajectoryReply(Reply):
    """`read_trajectory`. `untrusted` is data between random marks."""

    trial: str
    outcome: Outcome
    reward: float | None
    total_steps: int
    next_from_step: int | None
    untrusted: str


class DiagnoseReply(Diagnosis, Reply):
    """`diagnose`."""


class CompareReply(Comparison, Reply):
    """`compare`."""


class ResultReply(Reply):
    """`append_result`."""

    row: ShownRow


def next_step(status: Status, **words: str) -> str:
    """The call to make now, in the words that a tool has for the one or other."""
    call = status.next_calls[0]
    return words.get(call.partition("(")[0], call)


def lines(facts: dict[str, Any]) -> Iterator[str]:
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
