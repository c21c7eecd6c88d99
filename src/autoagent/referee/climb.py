"""The climb that is being played: its journal, workspace, engine and projections, as one object.

It knows where the climb stands, where things are and how to write an event; it does not know
the rules. What happens once in a climb is kept in memory beside the position. What each candidate
adds is asked of the journal, by its indexes, and what is counted over all of them is counted on:
a move costs the same after ten candidates and after ten thousand.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from autoagent.config import Budget, Config
from autoagent.errors import AutoAgentError, UnknownName
from autoagent.evidence import events
from autoagent.evidence.journal import Entry, Held, Journal
from autoagent.evidence.position import Position, apply
from autoagent.gateway.plan import GatewayPlan, plan
from autoagent.records import Candidate, Row, Running
from autoagent.referee import budget, efforts, passages
from autoagent.referee.opening import validation
from autoagent.referee.passages import Copied
from autoagent.worker.engine import Engine, EvaluationSpec
from autoagent.worker.host import named_by
from autoagent.workspace import disks
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.harness import boundary, shape
from autoagent.workspace.harness.boundary import Split
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts
from autoagent.workspace.tier import TIER_0

DRIFT_SECONDS = 5.0
"""How long an answer about drift stands while nothing happens: looking walks every task."""
DRIFT_CHEAP, DRIFT_REST = 0.05, 200.0
"""A look that takes longer than the first, in seconds, is rested from as many times as long: where
there are a thousand tasks, what changed is told some minutes later."""

LEAST_SLEEP_SECONDS = 30.0
"""Sleep that is shorter is told with the next."""

REMEMBERED = (
    events.ClimbStarted,
    events.TasksValidated,
    events.CertificationStarted,
    events.EditsNotAblated,
    events.ClimbFinished,
)
"""Kinds of events that are few in a climb, and asked for again and again."""


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
        self._counted: dict[object, tuple[int, Any]] = {}
        if start is not None:
            self._entries += self.journal.of_kind(*REMEMBERED, after=start.seq - 1)
        if self.position.phase not in ("new", "finished"):
            frozen = Config.model_validate(self.started.config)
            workspace = workspace.replace(config=frozen)
        self.workspace = workspace
        self.projection = Projection(workspace)
        self.notes: tuple[str, ...] = ()
        """What the human should hear about the last projection."""
        self.unrestored = ""
        """Why the files that a discard restores are not there yet; empty where they are."""
        self.trouble: AutoAgentError | None = None
        """The last refusal that stays until somebody mends its cause; a move shows that it is."""
        self._snapshot: Snapshot | None = None
        self._newest: dict[str, Entry[Any] | None] = {}
        """The newest entry of a kind in this climb, of kinds that were asked for or appended."""
        self._version = 0
        """What the journal was when they were: workers write into it, too."""
        self._first: tuple[str, Mapping[str, bytes]] | None = None
        self._shown = 0
        """The event up to which this process has shown candidates in the user's repository."""
        self._split: tuple[Mapping[str, bytes], Split] | None = None
        self.diagnosed: tuple[str, tuple[Any, ...]] | None = None
        """What `diagnosis` found of an evaluation: a finished one says the same for ever."""
        self._drift: tuple[str, float, tuple[str, ...], float] = ("", 0.0, (), 0.0)

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
            self._entries, self._counted, self._newest = [], {}, {}
        self._newest[event.kind] = entry
        if isinstance(event, REMEMBERED):
            self._entries.append(entry)

    def notice_sleep(self) -> None:
        """Write down for how long the machine slept or was off in a night that is played."""
        seconds = self.journal.hours.slept(LEAST_SLEEP_SECONDS)
        if seconds and self.position.phase not in ("new", "finished"):
            self.append(events.MachineSlept(seconds=seconds), self.position.tag)

    def this_climb[E: events.Event](self, *kinds: type[E]) -> list[Entry[E]]:
        """Entries of some of the kept kinds since the climb started, oldest first."""
        wanted = {kind.kind for kind in kinds}
        assert wanted <= {kind.kind for kind in REMEMBERED}, f"{wanted} are not all kept"
        return cast("list[Entry[E]]", [entry for entry in self._entries if entry.kind in wanted])

    @property
    def first(self) -> int:
        """The number of the event that this climb began with; 0 before it."""
        return self._entries[0].seq if self._entries else 0

    def newest[E: events.Event](self, kind: type[E]) -> Iterator[Entry[E]]:
        """Entries of a kind since the climb started, newest first; read as far as is asked.

        The newest is known until a worker writes: only who wants more asks the journal.
        """
        if (version := self.journal.written_by_others()) != self._version:
            self._version, self._newest = version, {}
        if kind.kind not in self._newest:
            self._newest[kind.kind] = next(self.journal.newest(kind, self.first), None)
        if last := cast("Entry[E] | None", self._newest[kind.kind]):
            yield last
            yield from self.journal.newest(kind, self.first, before=last.seq)

    def about[E: events.Event](self, subject: str, *kinds: type[E]) -> list[Entry[E]]:
        """Entries about something since the climb started, oldest first."""
        if kinds and not any(next(self.newest(kind), None) for kind in kinds):
            return []
        return [entry for entry in self.journal.about(subject, *kinds) if entry.seq > self.first]

    def counted[T, E: events.Event](
        self, what: object, kind: type[E], add: Callable[[T, Entry[E]], T], start: T, after: int
    ) -> T:
        """What comes of adding every entry of a kind to a start; only new ones are read.

        Args:
            what: Names what is counted.
            kind: Whose entries.
            add: The sum with one entry more.
            start: The sum of nothing.
            after: The event that they come after, such as this climb's first.
        """
        seen, value = self._counted.get(what, (after, start))
        last = next(self.newest(kind), None)
        if what in self._counted and (last is None or last.seq <= seen):
            return value
        for entry in self.journal.oldest(kind, after=seen):
            seen, value = entry.seq, add(value, entry)
        self._counted[what] = seen, value
        return value

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
    def gateway(self) -> GatewayPlan | None:
        """How the climb's harness and verifiers reach their models, by the keys there are now."""
        return plan(self.workspace.config, self.started.model, self.workspace.root)

    @property
    def frozen(self) -> Snapshot:
        """The climb's snapshot, read once."""
        if self._snapshot is None or self._snapshot.digest != self.position.snapshot:
            self._snapshot = snapshot.load(self.workspace, self.position.snapshot)
        return self._snapshot

    def drift(self, head: str) -> tuple[str, ...]:
        """What differs from the snapshot now; looked at anew when the journal's head moved."""
        seen, then, found, rest = self._drift
        began = time.monotonic()
        if began - then > (DRIFT_SECONDS if seen == head else 0.0) and began - then > rest:
            found = tuple(snapshot.drift(self.workspace, self.frozen))
            took = time.monotonic() - began
            rest = took * DRIFT_REST if took > DRIFT_CHEAP else 0.0
            self._drift = (head, time.monotonic(), found, rest)
        return found

    @property
    def canonical(self) -> Split:
        """The split of the baseline: its fixed section is every candidate's."""
        files, file = self._baseline(), self.workspace.config.harness.file
        if self._split is None or self._split[0] is not files:
            self._split = files, boundary.split(files[file], file)
        return self._split[1]

    def copied(self, files: Mapping[str, bytes]) -> tuple[Copied, ...]:
        """What a candidate's files copy from the frozen tasks, beyond what the baseline says."""
        known = [*self._baseline().values(), self.frozen.program]
        return passages.copied(self.frozen, files, known)

    def edits(
        self, before: Candidate, files: Mapping[str, bytes], complexity: int
    ) -> tuple[str, ...]:
        """What kinds of edit lead from a stored candidate to these files."""
        file = self.workspace.config.harness.file
        content = self.projection.content(before.id)
        return shape.kinds_of(content, files, file, (before.complexity, complexity))

    def _baseline(self) -> Mapping[str, bytes]:
        """The baseline's files, read once: every status asks for its fixed section."""
        assert self.position.baseline is not None, "no climb was started"
        commit = self.position.baseline.id
        if self._first is None or self._first[0] != commit:
            self._first = commit, self.projection.content(commit)
        return self._first[1]

    def rows(self, after: int = 0) -> list[Row]:
        """The ledger of this climb, without its first rows."""
        newest = islice(self.newest(events.ResultRecorded), self.position.rows - after)
        return [entry.event.row for entry in newest][::-1]

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
        self.unrestored = ""
        try:
            notes += self._files(standing)
        except (AutoAgentError, OSError) as error:
            self.unrestored = disks.trouble(self.workspace, error) or str(error)
            notes.append(f"the incumbent's files are not restored yet: {self.unrestored}")
        for show in (
            self._candidates,
            lambda: notes.extend(self._branch(standing)),
            lambda: self.projection.ledger(position.tag, position.rows, self.rows),
        ):
            try:
                show()
            except (AutoAgentError, OSError) as error:
                said = disks.trouble(self.workspace, error) or str(error)
                notes.append(f"not shown yet: {said}")
        self.notes = tuple(dict.fromkeys(notes))

    def _candidates(self) -> None:
        """Show every commit that this climb measured or may measure, parents first; once each."""
        commits = [self.started.baseline.id] if self._shown < self.first else []
        new = self.journal.of_kind(events.CandidateCommitted, after=max(self._shown, self.first))
        commits += [entry.event.candidate.id for entry in new]
        self.projection.candidates(self.position.tag, commits)
        self._shown = new[-1].seq if new else max(self._shown, self.first)

    def _branch(self, standing: Candidate) -> list[str]:
        if not (self.position.incumbent or self.this_climb(events.TasksValidated)):
            return []
        return self.projection.branch(self.position.tag, standing.id)

    def _files(self, standing: Candidate) -> list[str]:
        """Redo the last discard or revert, unless a keep came after it (rule R6), or the end."""
        ends = self.this_climb(events.CertificationStarted, events.ClimbFinished)
        back = [entry for entry in ends if entry.event.handed_back]
        if back:
            assert self.position.baseline is not None
            kept = standing != self.position.baseline
            baseline, head = self.position.baseline.id, self.started.head
            return self.projection.hand_back(baseline, head, back[0].seq, kept=kept)
        recorded = next(self.newest(events.ResultRecorded), None)
        reverted = next(self.newest(events.CandidateReverted), None)
        if reverted and (recorded is None or reverted.seq > recorded.seq):
            self.projection.restore(standing.id, reverted.seq)
        elif recorded and recorded.event.row.status != "keep":
            self.projection.restore(standing.id, recorded.seq)
        return []

    def known_tasks(
        self, names: Sequence[str], call: str = "run_benchmark(tasks=[...])"
    ) -> tuple[str, ...]:
        """The named tasks in the snapshot's order, or every task where none is named.

        Raises:
            UnknownName: A name is not in the frozen set.
        """
        tasks = self.position.tasks
        unknown = sorted(set(names) - set(tasks))
        if unknown:
            raise UnknownName(
                f"There is no task {unknown[0]!r} in this climb. Tasks: {', '.join(tasks)}.",
                f"{call} with names from this list",
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
            efforts=efforts.frozen(self),
            as_left=self._as_left(running),
            variables=named_by(self.frozen, self.workspace),
        )

    def _as_left(self, running: Running) -> Collection[str]:
        """Tasks whose verifier starts with what was left at home (rule R1)."""
        if running.kind in ("oracle", "noop"):
            return running.tasks if running.as_left else ()
        terms = validation.Terms.of(self.workspace.config)
        return validation.needing_left(self.journal, self.every_task(), terms)
