"""`autoagent verify`: replay a night from its journal and compare it with what is claimed.

The chain shows that no event changed; the replay shows that every score, verdict and
position follows from the trials before it. Reads only.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from autoagent.config import Config
from autoagent.errors import JournalError, WorkspaceError
from autoagent.evidence import events, ledger
from autoagent.evidence.journal import Entry, Held, Journal
from autoagent.evidence.position import Position, apply
from autoagent.files import read_regular
from autoagent.gate.certificate import certificate
from autoagent.gate.contests import contest_for
from autoagent.gate.decide import decide, decide_again, score_of
from autoagent.gate.rules.pool import Past
from autoagent.records import (
    Certificate,
    Copied,
    Record,
    Row,
    Running,
    Standing,
    Trial,
    Verdict,
    row_of,
)
from autoagent.workspace.layout import Workspace, open_workspace

_REWRITES = "the next server start rewrites it"
EDITED = f"results.tsv is not what the journal says; {_REWRITES}"
STALE = f"results.tsv is behind the journal; {_REWRITES}"
"""It was that once, and no problem of the climb: it is a projection."""


class Audit(Record):
    """What a replay found. `problems` is empty for a journal that holds together.

    `flags` are for the human: they decide nothing, and the meta-agent hears less of them.
    """

    events: int
    decisions: int
    head: str
    position: Position
    problems: tuple[str, ...]
    flags: tuple[str, ...] = ()
    tier: str = ""
    """What the last climb was started under."""


@contextmanager
def journal_of(workspace: Workspace) -> Generator[Journal]:
    """The journal of a workspace, for reading.

    Raises:
        WorkspaceError: No climb was started here.
        JournalError: It cannot be opened.
    """
    if not workspace.journal.exists():
        raise WorkspaceError(
            f"No climb was started in {workspace.root}: there is no {workspace.journal}.",
            "`autoagent serve`, and start_climb(tag) from a client",
        )
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        if next(iter(journal.entries()), None) is None:  # a server was open, and nobody played
            raise WorkspaceError(
                f"No climb was started in {workspace.root}: {workspace.journal} is empty.",
                "`autoagent serve`, and start_climb(tag) from a client",
            )
        yield journal


def replayed(root: Path) -> Audit:
    """`autoagent verify`: replay the workspace's journal and compare it with results.tsv.

    A journal that cannot be replayed is a problem like any other, not an error.

    Raises:
        WorkspaceError: No climb was started here, so there is nothing to verify.
    """
    workspace = open_workspace(root)
    try:
        with journal_of(workspace) as journal:
            return audit(journal, _ledger(workspace))
    except WorkspaceError:
        raise
    except JournalError as error:
        said = error.message
    except Exception as error:  # whatever stands in a journal, it is the journal's problem
        said = f"{workspace.journal} cannot be read beyond its events ({error}): it was changed."
    return Audit(events=0, decisions=0, head="", position=Position(), problems=(said,))


def _ledger(workspace: Workspace) -> str | None:
    """results.tsv as it stands; what cannot be read is not what the journal says."""
    if not os.path.lexists(workspace.ledger):
        return None
    try:
        return read_regular(workspace.ledger).decode("utf-8", "replace")
    except (OSError, WorkspaceError):
        return "unreadable"


def audit(journal: Journal, ledger_text: str | None) -> Audit:
    """Replay every event.

    Args:
        journal: The journal, opened for reading.
        ledger_text: results.tsv as it stands, or None where there is none.

    Raises:
        JournalError: An event does not match its hash.
    """
    last = journal.check()
    replayed = _Replay()
    for entry in journal.entries():
        replayed.take(entry)
    problems = list(replayed.problems)
    if journal.sealed() is False:
        problems.append(
            f"{journal.path}: the file is not what its last writer left (every event matches its "
            "hash; what changed is an index, the position, free space, or the seal itself)"
        )
    stored = journal.position()
    if stored is not None and Position.model_validate_json(stored) != replayed.position:
        problems.append("the stored position is not what the events lead to")
    flags = list(replayed.flags)
    expected = ledger.render(replayed.rows)
    if ledger_text is not None and replayed.rows and ledger_text != expected:
        behind = any(ledger.render(rows).startswith(ledger_text) for rows in replayed.ledgers)
        (flags if behind else problems).append(STALE if behind else EDITED)
    if replayed.removed:
        what = f"the evidence of {replayed.removed} evaluations that were not kept"
        flags.append(f"{what} was removed by `autoagent clean`; their outcomes stand here")
    return Audit(
        events=last.seq if last else 0,
        decisions=replayed.decisions,
        head=journal.head(),
        position=replayed.position,
        problems=tuple(problems),
        flags=tuple(flags),
        tier=replayed.tier,
    )


class _Replay:
    """A climb played again from its events."""

    def __init__(self) -> None:
        self.position = Position()
        self.problems: list[str] = []
        self.flags: list[str] = []
        self.rows: list[Row] = []
        self.ledgers: list[list[Row]] = []
        self.decisions = self.removed = 0
        self.tier = ""
        self._trials: dict[str, list[Trial]] = {}
        self._running: dict[str, Running] = {}
        self._config = Config()
        self._certified: dict[bool, str] = {}
        self._past: list[Past] = []
        self._answers: list[tuple[str, str]] = []
        self._kept: set[str] = set()

    def take(self, entry: Entry[Held]) -> None:
        """One more event; what does not follow from those before it is a problem.

        Raises:
            JournalError: It cannot follow them at all.
        """
        try:
            self._compare(entry)
            self.position = apply(self.position, entry)
        except JournalError:
            raise
        except Exception as error:
            raise JournalError(
                f"Event {entry.seq} (`{entry.kind}`) cannot follow those before it."
            ) from error

    def _compare(self, entry: Entry[Held]) -> None:
        """Hold what an event states against what the events before it lead to."""
        where = f"event {entry.seq}"
        match entry.event:
            case events.ClimbStarted(config=config, tier=tier):
                self.rows, self._certified, self._past, self.tier = [], {}, [], tier
                self._answers.clear()
                self.ledgers.append(self.rows)
                self._config = Config.model_validate(config)
            case events.BudgetRenewed():
                self.flags.append(f"{where}: `autoagent renew` granted another night and its caps")
            case events.EvidenceRemoved():
                self.removed += 1
                measured = self._running.get(entry.subject)
                rests = measured is not None and measured.kind in ("baseline", "certify")
                if rests or entry.subject in self._kept:
                    told = f"{where}: the evidence of {entry.subject} was removed, and a baseline, "
                    self.problems.append(f"{told}a kept candidate or a certificate rests on it")
            case events.CandidateCommitted(copied=copied):
                self.flags += _copies(entry.subject, copied)
            case events.ModelAnswered(model=model, answered_by=name):
                self._answers.append((model, name))
            case events.TrialFinished(trial=trial):
                self._trials.setdefault(entry.subject, []).append(trial)
            case (
                events.EvaluationStarted(running=running)
                | events.EvaluationResumed(running=running)
            ):
                self._told(where, self._started(running))
            case events.Certified(certificate=certificate):
                self._told(where, self._certificate(certificate))
            case events.EvaluationFinished() | events.EvaluationReused() as event:
                self._told(where, self._decision(event))
            case events.ResultRecorded(row=row):
                self.rows.append(row)
                self._told(where, self._recorded(row))
            case _:
                pass

    def _told(self, where: str, problems: Iterator[str]) -> None:
        self.problems += [f"{where}: {problem}" for problem in problems]

    def _started(self, running: Running) -> Iterator[str]:
        """A candidate is held against the incumbent of the moment, by the gate that is frozen."""
        self._running[running.id] = running
        if running.kind == "certify":
            self._certified[running.hidden] = running.id
        if running.kind == "full":
            candidate, incumbent = self.position.proposed, self.position.incumbent
            assert candidate is not None and incumbent is not None
            gate = self._config.gate
            prior = running.contest.prior if running.contest else None
            priced = prior is None or prior.price is not None
            contest = contest_for(gate, candidate, incumbent, self._past, priced=priced)
            if running.contest != contest:
                yield f"{running.id} is not held against the incumbent"

    def _certificate(self, stated: Certificate) -> Iterator[str]:
        """The certificate follows from the trials of the certification."""
        position = self.position
        running, hidden = (self._running.get(self._certified.get(h, "")) for h in (False, True))
        if running is None or position.incumbent is None:
            yield "a certificate without a certification"
            return
        trials = self._trials.get(running.id, [])
        held_out = self._trials.get(hidden.id, []) if hidden else []
        passed = position.baseline_passed or 0
        about = stated.about
        computed = certificate(running, trials, held_out, position.incumbent, passed, about)
        if computed is None or computed.replace(answered_by=tuple(self._answers)) != stated:
            yield "the certificate does not follow from its trials"

    def _decision(self, event: events.Decision) -> Iterator[str]:
        """The score follows from the trials, and the verdict from the score."""
        running = self._running.get(event.evaluation)
        if running is None:
            yield f"{event.evaluation} was never started"
            return
        trials = self._trials.get(running.id, [])
        if event.score != score_of(running, trials, seconds=event.score.seconds):
            yield f"the score of {running.id} does not follow from its trials"
        candidate = self.position.proposed
        if candidate is None:
            yield f"{running.id} measured no candidate"
            return
        measured = Standing(candidate=candidate, evaluation=running.id, score=event.score)
        state, incumbent = event.state, self.position.incumbent
        if isinstance(event, events.EvaluationReused):
            assert incumbent is not None
            contest = contest_for(self._config.gate, candidate, incumbent)
            verdict = decide_again(running, state, trials, measured, incumbent, contest)
        else:
            verdict = decide(running, state, trials, measured, incumbent)
            if verdict is not None:
                self._past.append(Past(running, tuple(trials), verdict.keep))
        self.decisions += verdict is not None
        if _answer(verdict) != _answer(event.verdict):
            yield f"the verdict on {running.id} does not follow from its score"

    def _recorded(self, row: Row) -> Iterator[str]:
        """The row follows from the verdict and the score; only its description is free."""
        pending, evaluated = self.position.pending, self.position.evaluated
        if pending is None or evaluated is None:
            yield "a row without an evaluated candidate"
            return
        if row.status == "keep":
            self._kept.add(evaluated.evaluation)
        if row != row_of(evaluated, pending, row.description):
            yield f"the row of {row.commit} does not follow from its evaluation"


def _answer(verdict: Verdict | None) -> tuple[str, str] | None:
    """What follows from a score; the sentence that says so is worded by its version."""
    return verdict and (verdict.status, verdict.reason)


def _copies(commit: str, copied: Iterable[Copied]) -> Iterator[str]:
    """What a candidate copied from its tasks (threat E4), those that are held out included."""
    for copy in copied:
        where = f"tasks/{copy.task}/{copy.file}" if copy.task else "held-out tasks"
        yield f"{commit[:7]} holds {copy.passages} passages of {where} word for word"
