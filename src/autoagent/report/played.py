"""The climbs of a journal, each with its facts gathered from its events. It draws no conclusion."""

import gc
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

from autoagent.errors import WorkspaceError
from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Held, Journal
from autoagent.evidence.position import Position
from autoagent.records import Candidate, Certificate, Copied, Glimpse, Row, Running, Trial, Verdict
from autoagent.referee.evaluations import progress_of
from autoagent.referee.telling.views import Progress
from autoagent.report.glimpses import glimpse


@dataclass
class Decided:
    """What an evaluation said of its content, and when; a reused one speaks again."""

    at: float
    event: events.Decision

    @property
    def reused(self) -> bool:
        """Whether it was measured before (rule R8)."""
        return isinstance(self.event, events.EvaluationReused)


@dataclass
class Measured:
    """One evaluation: what was asked, the trials that ended, and what they decided.

    `directories` are Harbor's, by a trial's id.
    """

    running: Running
    at: float
    trials: list[Glimpse | Trial] = field(default_factory=list["Glimpse | Trial"])
    directories: dict[str, str] = field(default_factory=dict[str, str])
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
        foretold: Which tasks each candidate should fix, and may break, by commit.
        copied: What candidates hold of the tasks, by commit.
        doubted: Passing trials of kept edits that may have gamed the check, and why, by commit.
        evaluations: By id, in their order.
        rows: The ledger.
        answers: Each model that was asked, with a name that its answers gave.
        refused_models: Models that were asked for and are not pinned.
        outages: Each cause for which a provider was out.
        failed_workers: Each reason for which a worker could not be started.
        reverted: Commits that were left.
        not_ablated: Kept edits that no ablation measured, and why.
        lost: How many trials never ended.
        reason: Why it ended.
        ended: When, or None.
        certificate: What it is worth.
        uncertified: Why it ended without a certificate; it may have one since.
        last: When the last event was.
        phase: Where it stands.
        progress: How far the evaluation is that runs, or None.
        begun: Tasks of its trials that run.
    """

    started: events.ClimbStarted
    at: float
    tasks: tuple[str, ...] = ()
    held_out: int = 0
    excluded: dict[str, str] = field(default_factory=dict[str, str])
    as_left: tuple[str, ...] = ()
    candidates: dict[str, Candidate] = field(default_factory=dict[str, Candidate])
    foretold: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(
        default_factory=dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
    )
    copied: dict[str, tuple[Copied, ...]] = field(default_factory=dict[str, tuple[Copied, ...]])
    doubted: dict[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=dict[str, Mapping[str, tuple[str, ...]]]
    )
    evaluations: dict[str, Measured] = field(default_factory=dict[str, Measured])
    rows: list[Recorded] = field(default_factory=list[Recorded])
    answers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    refused_models: list[str] = field(default_factory=list[str])
    outages: list[str] = field(default_factory=list[str])
    failed_workers: list[str] = field(default_factory=list[str])
    reverted: set[str] = field(default_factory=set[str])
    not_ablated: dict[str, str] = field(default_factory=dict[str, str])
    lost: int = 0
    reason: str = ""
    ended: float | None = None
    certificate: Certificate | None = None
    uncertified: str | None = None
    last: float = 0.0
    phase: str = ""
    progress: Progress | None = None
    begun: tuple[str, ...] = ()

    def decided(self, recorded: Recorded) -> tuple[Measured, Verdict] | None:
        """What a row was written by: the last verdict on its content before it."""
        candidate = self.candidates.get(recorded.commit)
        content = candidate.digest if candidate else None
        found: tuple[Measured, Verdict] | None = None
        latest = 0.0
        for measured in self.evaluations.values():
            for one in measured.decisions if measured.running.digest == content else ():
                if one.event.verdict and latest <= one.at <= recorded.at:
                    found, latest = (measured, one.event.verdict), one.at
        return found

    def take(self, entry: Entry[Held]) -> None:
        """One more event of this climb."""
        self.last = entry.at
        match entry.event:
            case events.TasksValidated() as event:
                self.tasks, self.held_out = event.tasks, len(event.holdout)
                self.excluded |= event.excluded
                self.as_left = event.as_left
            case events.CandidateCommitted() as event:
                commit = event.candidate.id
                self.candidates[commit] = event.candidate
                self.foretold[commit] = event.should_fix, event.may_break
                if event.copied:
                    self.copied[commit] = event.copied
            case events.EvaluationStarted(running=running):
                self.evaluations[running.id] = Measured(running, entry.at)
            case events.CandidateReverted():
                self.reverted.add(entry.subject)
            case events.EvaluationFinished() | events.EvaluationReused() as event:
                if evaluation := self.evaluations.get(event.evaluation):
                    evaluation.decisions.append(Decided(entry.at, event))
            case events.PassesDoubted(trials=trials):
                self.doubted[entry.subject] = trials
            case events.ResultRecorded(row=row):
                self.rows.append(Recorded(entry.at, entry.subject, row))
            case events.TrialLost():
                self.lost += 1
            case events.ProviderOut(cause=cause) if cause:
                self.outages.append(cause)
            case events.WorkerFailed(reason=reason):
                self.failed_workers.append(reason)
            case events.EditsNotAblated(edits=edits):
                self.not_ablated |= edits
            case events.ModelRefused(model=model):
                self.refused_models.append(model)
            case events.ModelAnswered(model=model, answered_by=name):
                self.answers.append((model, name))
            case events.CertificationStarted(reason=reason):
                self.reason = reason
            case events.Certified(certificate=certificate):
                self.certificate, self.ended = certificate, entry.at
            case events.ClimbFinished(reason=reason, uncertified=uncertified):
                self.reason, self.ended = reason, entry.at
                self.uncertified = uncertified
            case _:
                pass


_READ = tuple(
    kind
    for kind in events.KINDS.values()
    if kind not in (events.TrialStarted, events.TrialFinished)
)
"""What `take` may want: a journal is trials, but for a hundredth."""


@contextmanager
def uncollected() -> Generator[None]:
    """Read a night without looking for garbage: it is a million objects, and none of them is."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def climbs_of(journal: Journal) -> list[Played]:
    """The climbs of a journal, oldest first; the last may still be played.

    Raises:
        WorkspaceError: There is none.
    """
    return _found(journal, 0)


def last_climb(journal: Journal) -> Played:
    """The last climb of a journal; those before it are not read.

    Raises:
        WorkspaceError: There is none.
    """
    began = journal.last(events.ClimbStarted)
    return _found(journal, began.seq - 1 if began else 0)[-1]


def _found(journal: Journal, after: int) -> list[Played]:
    found = climbs(journal, after)
    if not found:
        raise WorkspaceError(
            f"{journal.path}: no climb was started here.",
            "`autoagent serve`, and start_climb(tag) from a client",
        )
    stored = journal.position()
    position = Position.model_validate_json(stored) if stored else Position()
    if found[-1].started.tag == position.tag:
        found[-1].phase = position.phase
        if running := position.running:
            found[-1].progress = progress_of(journal, running)
            found[-1].begun = () if running.hidden else _begun(journal, running)
    return found


def _read_trials(journal: Journal, found: Sequence[Played], after: int) -> None:
    place = {name: (climb, one) for climb in found for name, one in climb.evaluations.items()}
    for subject, at, (trial, directory) in journal.read(events.TrialFinished, glimpse, after):
        if subject in place:
            climb, measured = place[subject]
            if at > climb.last:
                climb.last = at
            measured.trials.append(trial)
            measured.directories[trial.id] = directory


def _begun(journal: Journal, running: Running) -> tuple[str, ...]:
    over = {e.event.trial.id for e in journal.about(running.id, events.TrialFinished)}
    over |= {e.event.trial for e in journal.about(running.id, events.TrialLost)}
    started = journal.about(running.id, events.TrialStarted)
    return tuple(entry.event.task for entry in started if entry.event.trial not in over)


def climbs(journal: Journal, after: int = 0) -> list[Played]:
    """The climbs that a journal tells of, oldest first; of those after an event."""
    found: list[Played] = []
    for entry in journal.entries(*_READ, after=after):
        if entry.kind == events.ClimbStarted.kind:
            event = cast("Entry[events.ClimbStarted]", entry).event
            climb = Played(event, entry.at, event.tasks, len(event.holdout))
            climb.excluded |= event.excluded
            climb.candidates[event.baseline.id] = event.baseline
            found.append(climb)
        elif found:
            found[-1].take(entry)
    _read_trials(journal, found, after)
    return found
