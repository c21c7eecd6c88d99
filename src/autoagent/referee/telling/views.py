"""What the referee tells its callers: frozen values, which a reply adds nothing to but words.

Each fact has one model. A field holds the record itself; what of it goes over the wire stands
beside the field, and a field with `exclude` is for callers in this process alone.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, field_serializer

from autoagent.evidence.untrusted import one_line
from autoagent.records import (
    Candidate,
    Certificate,
    EvaluationKind,
    EvaluationState,
    Phase,
    Record,
    Row,
    Running,
    Score,
    Standing,
    Trial,
    Verdict,
)
from autoagent.referee.budget import Remaining, in_words

LINES_SHOWN = 20
PARTS_SHOWN = 4
NAMES_SHOWN = 8
CAUSES_SHOWN = 6


def cut(lines: Sequence[str], count: int = LINES_SHOWN, length: int = 200) -> list[str]:
    """At most `count` lines of at most `length` characters; the last tells how many are missing."""
    shown = [one_line(line, length) for line in lines[:count]]
    return [*shown, f"and {len(lines) - count} more"] if len(lines) > count else shown


def _score(score: Score) -> dict[str, Any]:
    """Without the tasks' own scores, which are told by id."""
    average = score.avg_score
    return {
        "passed": score.passed,
        "expected": score.expected,
        "void": score.void,
        "avg_score": None if average is None else round(average, 4),
        "cost_usd": score.cost_usd,
        "seconds": round(score.seconds, 1),
    }


def _row(row: Row) -> dict[str, Any]:
    return row.model_dump(exclude={"task_scores"})


def _commit(commit: str) -> str:
    return commit[:7]


def _begun(head: str) -> str:
    return head[:12]


def _candidate(candidate: Candidate) -> str:
    return candidate.short


def _running(running: Running) -> str:
    return f"{running.id} ({running.kind})"


Lines = Annotated[tuple[str, ...], PlainSerializer(cut)]
Names = Annotated[tuple[str, ...], PlainSerializer(partial(cut, count=NAMES_SHOWN, length=60))]
ShownScore = Annotated[Score, PlainSerializer(_score)]
ShownRow = Annotated[Row, PlainSerializer(_row)]
ShownCommit = Annotated[str, PlainSerializer(_commit)]
ShownCandidate = Annotated[Candidate, PlainSerializer(_candidate)]


class Situation(Record):
    """What every reply tells: where the climb stands, what is left, what comes next (rule R11).

    `clock` is the hour of day and how much of the night is played; `head` begins the journal's.
    `halted` says why nothing more can be started, and `stray` what was edited after the commit:
    a reply's message has them.
    """

    phase: Phase
    incumbent: Standing | None
    clock: str
    budget_left: Annotated[Remaining, PlainSerializer(in_words)]
    next_calls: tuple[str, ...]
    head: Annotated[str, PlainSerializer(_begun)]
    baseline_passed: int | None = Field(exclude=True)
    halted: str = Field(exclude=True)
    stray: str = Field(exclude=True)

    @field_serializer("incumbent")
    def _incumbent(self, standing: Standing | None) -> dict[str, Any] | None:
        """The best kept harness, beside how many trials the baseline passed."""
        return standing and {
            "commit": standing.candidate.short,
            "complexity": standing.candidate.complexity,
            "score": {"passed": standing.score.passed, "expected": standing.score.expected},
            "baseline_passed": self.baseline_passed,
        }


class Status(Situation):
    """The whole of it: what is being played, by which rules, and what the human should know."""

    head: str
    tag: str
    tasks: int
    rows: int
    candidate: ShownCandidate | None
    running: Annotated[Running, PlainSerializer(_running)] | None
    verdict: Verdict | None
    drift: Lines
    notes: Lines
    tier: str
    isolation: str
    state_directory: str
    skills: Names
    certificate: Certificate | None = Field(exclude=True)
    uncertified: str = Field(exclude=True)
    left_out: tuple[str, ...] = Field(exclude=True)

    @field_serializer("incumbent")
    def _incumbent(self, standing: Standing | None) -> dict[str, Any] | None:
        if standing is None:
            return None
        return (super()._incumbent(standing) or {}) | {
            "description": standing.candidate.description[:200],
            "score": _score(standing.score),
        }


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

    candidate: ShownCandidate | None
    complexity: int
    incumbent_complexity: int
    warnings: Lines
    duplicate_of: str | None


class EvaluationReport(Record):
    """One evaluation with every trial that has ended so far; no score while it runs.

    `foretold`: which of the predictions of its candidate came true.
    """

    evaluation: str
    kind: EvaluationKind
    state: EvaluationState
    candidate: ShownCommit
    score: ShownScore | None
    verdict: Verdict | None
    foretold: Lines = ()
    trials: tuple[Trial, ...] = Field(exclude=True)


class Diagnosis(Record):
    """Why the incumbent fails what it fails: causes with their tasks, most trials first.

    `tried` are candidates of this climb that passed such tasks, or were to fix them. What stands
    in quotes is from trajectories.
    """

    evaluation: str
    failing: int
    causes: Annotated[
        tuple[str, ...], PlainSerializer(partial(cut, count=CAUSES_SHOWN, length=300))
    ]
    tried: Annotated[tuple[str, ...], PlainSerializer(partial(cut, count=CAUSES_SHOWN, length=200))]
    look: str | None = Field(exclude=True)


class Comparison(Record):
    """Two evaluations, task by task. `parts` tells where a changed task's trajectories part.

    `not_run`: tasks that one of the two has no measured trial of, because it was stopped, say.
    `took`: what the mean trial cost and took, over the tasks that both ran.
    """

    candidate: ShownCommit
    against: ShownCommit
    fixed: Names
    broken: Names
    not_run: Names
    took: str
    same_passed: int
    same_failed: int
    parts: Annotated[tuple[str, ...], PlainSerializer(partial(cut, count=PARTS_SHOWN, length=230))]
