"""The climb that is being played: its journal, workspace, engine and projections, as one object.

It knows where the climb stands, where things are and how to write an event; it does not know
the rules. What the referee itself wrote of this climb is kept in memory beside the position, so a
move asks the journal for nothing but what workers add to it.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from autoagent.config import Budget, Config
from autoagent.errors import AutoAgentError, UnknownName
from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Held, Journal
from autoagent.evidence.position import Position, apply
from autoagent.records import Candidate, Row, Running
from autoagent.referee import budget, passages, validation
from autoagent.referee.passages import Copied
from autoagent.worker.engine import Engine, EvaluationSpec
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.harness import boundary
from autoagent.workspace.harness.boundary import Split
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts
from autoagent.workspace.tier import TIER_0

DRIFT_SECONDS = 5.0
"""How long an answer about drift stands while nothing happens: looking walks every task."""

REMEMBERED = (
    events.ClimbStarted,
    events.TasksValidated,
    events.CandidateCommitted,
    events.CandidateReverted,
    events.EvaluationStarted,
    events.EvaluationFinished,
    events.ResultRecorded,
    events.CertificationStarted,
    events.EditsNotAblated,
    events.ClimbFinished,
    events.WorkerFailed,
)
"""Kinds of events that nobody but the referee writes, and that are asked for again and again."""


class Climb:
    """One workspace, its journal, and what is projected from it."""

    def __init__(
        self,
        workspace: Workspace,
        engine: Engine,
        journal: Journal | None = None,
        tier: str = TIER_0,
    ) -> None:
        """Read where the climb stands; the caller holds the workspace's lock.

        Who holds the lock is the only one to move a position, so it is read here and then moved
        by `append`: other processes read the journal. While a climb is played its configuration
        is the one it froze (rule R1), whatever autoagent.toml says by now.
        """
        self.journal = journal or Journal(workspace.journal)
        self.engine, self.tier = engine, tier
        stored = self.journal.position()
        self.position = Position.model_validate_json(stored) if stored else Position()
        start = self.journal.last(events.ClimbStarted)
        self._entries: list[Entry[Held]] = []
        if start is not None:
            self._entries += self.journal.of_kind(*REMEMBERED, after=start.seq - 1)
        if self.position.phase not in ("new", "finished"):
            frozen = Config.model_validate(self.started.config)
            workspace = workspace.replace(config=frozen)
        self.workspace = workspace
        self.projection = Projection(workspace)
        self.notes: tuple[str, ...] = ()
        """What the human should hear about the last projection."""
        self.trouble: AutoAgentError | None = None
        """The last refusal that stays until somebody mends its cause; a move shows that it is."""
        self._snapshot: Snapshot | None = None
        self._first: tuple[str, Mapping[str, bytes]] | None = None
        self._drift: tuple[str, float, tuple[str, ...]] = ("", 0.0, ())

    def append(self, event: events.Event, about: str) -> None:
        """Write an event and the position it leads to, in one transaction; then stand there."""
        moved = self.position

        def move(entry: Entry[Held]) -> str:
            nonlocal moved
            moved = apply(self.position, entry)
            return moved.model_dump_json()

        entry = self.journal.append(event, about, move)
        self.position, self.trouble = moved, None
        if isinstance(event, events.ClimbStarted):
            self._entries = []
        if isinstance(event, REMEMBERED):
            self._entries.append(entry)

    def this_climb[E: events.Event](self, *kinds: type[E]) -> list[Entry[E]]:
        """Entries of some of the kept kinds since the climb started, oldest first."""
        wanted = {kind.kind for kind in kinds}
        assert wanted <= {kind.kind for kind in REMEMBERED}, f"{wanted} are not all kept"
        return cast("list[Entry[E]]", [entry for entry in self._entries if entry.kind in wanted])

    @property
    def started(self) -> events.ClimbStarted:
        """What was frozen when the climb started."""
        return self.this_climb(events.ClimbStarted)[0].event

    @property
    def continues(self) -> bool:
        """Whether the next climb is played in the night of this one: nobody granted another."""
        if self.position.phase == "new":
            return False
        granted = self.journal.last(events.BudgetRenewed)
        return granted is None or granted.seq < self.this_climb(events.ClimbStarted)[0].seq

    def caps_of(self, config: Config) -> Budget:
        """The caps of a climb that starts by this configuration now (rule R10)."""
        if not self.continues:
            return config.budget
        night = Budget.model_validate(self.started.config.get("budget", {}))
        return budget.within(config.budget, night)

    @property
    def frozen(self) -> Snapshot:
        """The climb's snapshot, read once."""
        if self._snapshot is None or self._snapshot.digest != self.position.snapshot:
            self._snapshot = snapshot.load(self.workspace, self.position.snapshot)
        return self._snapshot

    def drift(self, head: str) -> tuple[str, ...]:
        """What differs from the snapshot now; looked at anew when the journal's head moved."""
        now = time.monotonic()
        if self._drift[0] != head or now - self._drift[1] > DRIFT_SECONDS:
            found = tuple(snapshot.drift(self.workspace, self.frozen))
            self._drift = (head, now, found)
        return self._drift[2]

    @property
    def canonical(self) -> Split:
        """The split of the baseline: its fixed section is every candidate's."""
        file = self.workspace.config.harness.file
        return boundary.split(self._baseline()[file], file)

    def copied(self, files: Mapping[str, bytes]) -> tuple[Copied, ...]:
        """What a candidate's files copy from the frozen tasks, beyond what the baseline says."""
        known = [*self._baseline().values(), self.frozen.program]
        return passages.copied(self.frozen, files, known)

    def _baseline(self) -> Mapping[str, bytes]:
        """The baseline's files, read once: every status asks for its fixed section."""
        assert self.position.baseline is not None, "no climb was started"
        commit = self.position.baseline.id
        if self._first is None or self._first[0] != commit:
            self._first = commit, self.projection.content(commit)
        return self._first[1]

    def rows(self) -> list[Row]:
        """The ledger of this climb."""
        return [entry.event.row for entry in self.this_climb(events.ResultRecorded)]

    def project(self) -> None:
        """Redo what the journal implies: files a discard restores, the branch, results.tsv.

        The journal has the fact already, so what cannot be shown now is a note, no refusal;
        the next projection tries again. A climb that has not begun, or never did because no task
        could be used, has no branch: its tag is still free.
        """
        position = self.position
        if position.baseline is None:
            return
        standing = position.incumbent.candidate if position.incumbent else position.baseline
        notes: list[str] = []
        for show in (
            lambda: notes.extend(self._files(standing)),
            lambda: notes.extend(self._branch(standing)),
            lambda: self.projection.ledger(self.rows()),
        ):
            try:
                show()
            except (AutoAgentError, OSError) as error:
                notes.append(f"not shown yet: {error}")
        self.notes = tuple(notes)

    def _branch(self, standing: Candidate) -> list[str]:
        if not (self.position.incumbent or self.this_climb(events.TasksValidated)):
            return []
        return self.projection.branch(self.position.tag, standing.id)

    def _files(self, standing: Candidate) -> list[str]:
        """Redo the last discard or revert, unless a keep came after it (rule R6), or the end."""
        moves = (events.ResultRecorded, events.CandidateReverted)
        ends = (events.CertificationStarted, events.ClimbFinished)
        entries = self.this_climb(*moves, *ends)
        back = [e for e in entries if isinstance(e.event, ends) and e.event.handed_back]
        if back:
            assert self.position.baseline is not None
            kept = standing != self.position.baseline
            baseline, head = self.position.baseline.id, self.started.head
            return self.projection.hand_back(baseline, head, back[0].seq, kept=kept)
        played = [e for e in entries if isinstance(e.event, moves)]
        if played:
            last = played[-1].event
            if not isinstance(last, events.ResultRecorded) or last.row.status != "keep":
                self.projection.restore(standing.id, played[-1].seq)
        return []

    def known_tasks(self, names: Sequence[str]) -> tuple[str, ...]:
        """The named tasks in the snapshot's order, or every task where none is named.

        Raises:
            UnknownName: A name is not in the frozen set.
        """
        tasks = self.position.tasks
        unknown = sorted(set(names) - set(tasks))
        if unknown:
            raise UnknownName(
                f"There is no task {unknown[0]!r} in this climb. Tasks: {', '.join(tasks)}.",
                "run_benchmark(tasks=[...]) with names from this list",
            )
        return tuple(name for name in tasks if not names or name in names)

    def candidate_named(self, name: str | None) -> Candidate:
        """The candidate a call means: the committed one, else the incumbent, else the baseline.

        Raises:
            UnknownName: The name is none of these.
        """
        position = self.position
        incumbent = position.incumbent.candidate if position.incumbent else None
        labels = {
            "candidate": position.candidate,
            "incumbent": incumbent,
            "baseline": position.baseline,
        }
        known = [candidate for candidate in labels.values() if candidate is not None]
        if name is None:
            return known[0]
        for candidate in [labels.get(name), *known]:
            if candidate and (name in labels or (len(name) >= 7 and candidate.id.startswith(name))):
                return candidate
        raise UnknownName(
            f"There is no candidate {name!r} to measure; known: "
            f"{', '.join(candidate.short for candidate in known)}.",
            "run_benchmark() without a candidate",
        )

    def every_task(self) -> tuple[TaskFacts, ...]:
        """The frozen tasks, those that are held out included."""
        return (*self.frozen.tasks, *self.frozen.holdout)

    def spec(self, running: Running) -> EvaluationSpec:
        """Everything a worker needs; the harnesses are written out from the store alone.

        The snapshot is checked again: what a shell changed in it since measures nothing
        (threat D1).
        """
        self._snapshot = None
        paths = {task.name: task.path for task in self.every_task()}
        directory = self.workspace.evaluations / running.id
        sides = {} if running.kind in ("oracle", "noop") else {"": running.candidate}
        sides |= {side.name: side.candidate for side in running.against}
        harnesses = {
            side: self.projection.write_out(commit, directory / f"harness{side and '-'}{side}")
            for side, commit in sides.items()
        }
        return EvaluationSpec.of(
            self.workspace,
            running,
            {name: paths[name] for name in running.tasks},
            harnesses,
            model=self.started.model,
            climb=self.position.tag,
            as_left=self._as_left(running),
        )

    def _as_left(self, running: Running) -> Collection[str]:
        """Tasks whose verifier starts with what was left at home (rule R1)."""
        if running.kind in ("oracle", "noop"):
            return running.tasks if running.as_left else ()
        terms = validation.Terms.of(self.workspace.config)
        return validation.needing_left(self.journal, self.every_task(), terms)
