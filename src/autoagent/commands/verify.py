"""`autoagent verify`: replay a night from its journal and compare it with what is claimed.

The chain shows that no event changed; the replay shows that every score, verdict and
position follows from the trials before it. Reads only.
"""

from collections.abc import Iterator

from autoagent.config import Config
from autoagent.errors import JournalError
from autoagent.evidence import ledger
from autoagent.evidence.journal import Event, Journal
from autoagent.evidence.position import Kind, Position, apply
from autoagent.gate.certificate import certificate
from autoagent.gate.decide import contest_for, decide, decide_again, score_of
from autoagent.records import Certificate, Record, Row, Running, Score, Standing, Trial, row_of
from autoagent.referee.passages import Copied


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
    for event in journal.events():
        replayed.take(event)
    problems = list(replayed.problems)
    if journal.sealed() is False:
        problems.append(
            f"{journal.path}: the file is not what its last writer left (every event matches its "
            "hash; what changed is an index, the position, free space, or the seal itself)"
        )
    stored = journal.position()
    if stored is not None and Position.model_validate_json(stored) != replayed.position:
        problems.append("the stored position is not what the events lead to")
    expected = ledger.render(replayed.rows)
    if ledger_text is not None and replayed.rows and ledger_text != expected:
        problems.append(
            "results.tsv is not what the journal says; the next server start rewrites it"
        )
    return Audit(
        events=last.seq if last else 0,
        decisions=replayed.decisions,
        head=journal.head(),
        position=replayed.position,
        problems=tuple(problems),
        flags=tuple(replayed.flags),
        tier=replayed.tier,
    )


class _Replay:
    """A climb played again from its events."""

    def __init__(self) -> None:
        self.position = Position()
        self.problems: list[str] = []
        self.flags: list[str] = []
        self.rows: list[Row] = []
        self.decisions = 0
        self.tier = ""
        self._trials: dict[str, list[Trial]] = {}
        self._running: dict[str, Running] = {}
        self._config = Config()
        self._certified: dict[bool, str] = {}

    def take(self, event: Event) -> None:
        """One more event; what does not follow from those before it is a problem."""
        body = event.body
        match event.kind:
            case Kind.CLIMB_STARTED:
                self.rows = []
                self._config = Config.model_validate(body["config"])
                self._certified = {}
                self.tier = body.get("tier", "")
            case Kind.CANDIDATE_COMMITTED:
                self.flags += _copies(event)
            case Kind.TRIAL_FINISHED:
                trial = Trial.model_validate(body["trial"])
                self._trials.setdefault(event.subject, []).append(trial)
            case Kind.EVALUATION_STARTED | Kind.EVALUATION_RESUMED:
                self.problems += self._started(event)
            case Kind.CERTIFIED:
                self.problems += self._certificate(event)
            case Kind.EVALUATION_FINISHED | Kind.EVALUATION_REUSED:
                self.problems += self._decision(event)
            case Kind.RESULT_RECORDED:
                self.rows.append(Row.model_validate(body["row"]))
                self.problems += self._recorded(event)
            case _:
                pass
        try:
            self.position = apply(self.position, event)
        except (AssertionError, KeyError, ValueError) as error:
            raise JournalError(
                f"Event {event.seq} (`{event.kind}`) cannot follow those before it."
            ) from error

    def _started(self, event: Event) -> Iterator[str]:
        """A candidate is held against the incumbent of the moment, by the gate that is frozen."""
        running = Running.model_validate(event.body["running"])
        self._running[running.id] = running
        if running.kind == "certify":
            self._certified[running.hidden] = running.id
        if running.kind == "full":
            candidate, incumbent = self.position.proposed, self.position.incumbent
            assert candidate is not None and incumbent is not None
            if running.contest != contest_for(self._config.gate, candidate, incumbent):
                yield f"event {event.seq}: {running.id} is not held against the incumbent"

    def _certificate(self, event: Event) -> Iterator[str]:
        """The certificate follows from the trials of the certification."""
        position = self.position
        running, hidden = (self._running.get(self._certified.get(h, "")) for h in (False, True))
        if running is None or position.incumbent is None:
            yield f"event {event.seq}: a certificate without a certification"
            return
        trials = self._trials.get(running.id, [])
        held_out = self._trials.get(hidden.id, []) if hidden else []
        passed = position.baseline_passed or 0
        computed = certificate(running, trials, held_out, position.incumbent, passed)
        if computed != Certificate.model_validate(event.body["certificate"]):
            yield f"event {event.seq}: the certificate does not follow from its trials"

    def _decision(self, event: Event) -> Iterator[str]:
        """The score follows from the trials, and the verdict from the score."""
        body = event.body
        running = self._running.get(body["evaluation"])
        if running is None:
            yield f"event {event.seq}: {body['evaluation']} was never started"
            return
        stated = Score.model_validate(body["score"])
        trials = self._trials.get(running.id, [])
        computed = score_of(running, trials, seconds=stated.seconds)
        if computed != stated:
            yield f"event {event.seq}: the score of {running.id} does not follow from its trials"
        candidate = self.position.proposed
        if candidate is None:
            yield f"event {event.seq}: {running.id} measured no candidate"
            return
        measured = Standing(candidate=candidate, evaluation=running.id, score=stated)
        state, incumbent = body["state"], self.position.incumbent
        if event.kind == Kind.EVALUATION_REUSED:
            assert incumbent is not None
            contest = contest_for(self._config.gate, candidate, incumbent)
            verdict = decide_again(running, state, trials, measured, incumbent, contest)
        else:
            verdict = decide(running, state, trials, measured, incumbent)
        self.decisions += verdict is not None
        if (verdict.model_dump() if verdict else None) != body["verdict"]:
            yield f"event {event.seq}: the verdict on {running.id} does not follow from its score"

    def _recorded(self, event: Event) -> Iterator[str]:
        """The row follows from the verdict and the score; only its description is free."""
        row, pending, evaluated = self.rows[-1], self.position.pending, self.position.evaluated
        if pending is None or evaluated is None:
            yield f"event {event.seq}: a row without an evaluated candidate"
            return
        if row != row_of(evaluated, pending, row.description):
            yield f"event {event.seq}: the row of {row.commit} does not follow from its evaluation"


def _copies(event: Event) -> Iterator[str]:
    """What a candidate copied from its tasks (threat E4), those that are held out included."""
    for found in event.body.get("copied", ()):
        copy = Copied.model_validate(found)
        where = f"tasks/{copy.task}/{copy.file}" if copy.task else "held-out tasks"
        yield f"{event.subject[:7]} holds {copy.passages} passages of {where} word for word"
