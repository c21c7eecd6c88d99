"""The climbs of a journal, each with its facts gathered from its events. It draws no conclusion."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Held
from autoagent.records import Candidate, Certificate, Copied, Row, Running, Trial


@dataclass
class Decided:
    """What an evaluation said of a content, and when; a reused one speaks again."""

    at: float
    content: str
    event: events.Decision

    @property
    def reused(self) -> bool:
        """Whether it was measured before (rule R8)."""
        return isinstance(self.event, events.EvaluationReused)


@dataclass
class Measured:
    """One evaluation: what was asked, the trials that ended, and what they decided."""

    running: Running
    at: float
    trials: list[Trial] = field(default_factory=list[Trial])
    decisions: list[Decided] = field(default_factory=list[Decided])


@dataclass
class Recorded:
    """A row of the ledger, its candidate, and when it was written."""

    at: float
    commit: str
    row: Row


@dataclass
class Played:
    """One climb.

    Attributes:
        started: What was frozen at its start.
        at: When that was, in Unix seconds.
        tasks: Those that count.
        held_out: How many tasks are held out; their names are nobody's business here.
        excluded: Tasks that do not count, and why.
        as_left: Tasks whose verifier starts with what the candidate left.
        candidates: By commit, in the order of their commits.
        copied: What candidates hold of the tasks, by commit.
        evaluations: By id, in their order.
        rows: The ledger.
        refused_models: Models that were asked for and are not pinned.
        lost: How many trials never ended.
        worker_starts: How often workers were started.
        reason: Why it ended.
        ended: When, or None.
        certificate: What it is worth.
        uncertified: Why it ended without a certificate; it may have one since.
    """

    started: events.ClimbStarted
    at: float
    tasks: tuple[str, ...] = ()
    held_out: int = 0
    excluded: dict[str, str] = field(default_factory=dict[str, str])
    as_left: tuple[str, ...] = ()
    candidates: dict[str, Candidate] = field(default_factory=dict[str, Candidate])
    copied: dict[str, tuple[Copied, ...]] = field(default_factory=dict[str, tuple[Copied, ...]])
    evaluations: dict[str, Measured] = field(default_factory=dict[str, Measured])
    rows: list[Recorded] = field(default_factory=list[Recorded])
    refused_models: list[str] = field(default_factory=list[str])
    lost: int = 0
    worker_starts: int = 0
    reason: str = ""
    ended: float | None = None
    certificate: Certificate | None = None
    uncertified: str | None = None

    def take(self, entry: Entry[Held]) -> None:
        """One more event of this climb."""
        match entry.event:
            case events.TasksValidated() as event:
                self.tasks, self.held_out = event.tasks, len(event.holdout)
                self.excluded |= event.excluded
                self.as_left = event.as_left
            case events.CandidateCommitted(candidate=candidate, copied=copied):
                self.candidates[candidate.id] = candidate
                if copied:
                    self.copied[candidate.id] = copied
            case events.EvaluationStarted(running=running):
                self.evaluations[running.id] = Measured(running, entry.at)
            case events.TrialFinished(trial=trial):
                if evaluation := self.evaluations.get(entry.subject):
                    evaluation.trials.append(trial)
            case events.EvaluationFinished() | events.EvaluationReused() as event:
                if evaluation := self.evaluations.get(event.evaluation):
                    evaluation.decisions.append(Decided(entry.at, entry.subject, event))
            case events.ResultRecorded(row=row):
                self.rows.append(Recorded(entry.at, entry.subject, row))
            case events.TrialLost():
                self.lost += 1
            case events.WorkerStarted():
                self.worker_starts += 1
            case events.ModelRefused(model=model):
                self.refused_models.append(model)
            case events.CertificationStarted(reason=reason):
                self.reason = reason
            case events.Certified(certificate=certificate):
                self.certificate, self.ended = certificate, entry.at
            case events.ClimbFinished(reason=reason, uncertified=uncertified):
                self.reason, self.ended = reason, entry.at
                self.uncertified = uncertified
            case _:
                pass


def climbs(entries: Iterable[Entry[Held]]) -> list[Played]:
    """The climbs that a journal's entries tell of, oldest first."""
    found: list[Played] = []
    for entry in entries:
        match entry.event:
            case events.ClimbStarted() as event:
                climb = Played(event, entry.at, event.tasks, len(event.holdout))
                climb.excluded |= event.excluded
                climb.candidates[event.baseline.id] = event.baseline
                found.append(climb)
            case _ if found:
                found[-1].take(entry)
            case _:
                pass
    return found
