"""The table a climb is played on: the workspace, the journal and the projections, held together.

It knows where things are and how to write an event; it does not know the rules.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from autoagent.config import Config
from autoagent.errors import AutoAgentError, UnknownName
from autoagent.evidence.events import CandidateReverted, ClimbStarted, Event, ResultRecorded
from autoagent.evidence.journal import Entry, Held, Journal
from autoagent.evidence.position import Position, replay
from autoagent.gateway.plan import plan
from autoagent.records import Candidate, Row, Running
from autoagent.referee import passages, validation
from autoagent.referee.candidates import canonical_section
from autoagent.referee.passages import Copied
from autoagent.worker.engine import EvaluationSpec, TaskSpec
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.harness.boundary import Split
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts
from autoagent.workspace.tier import TIER_0

DRIFT_SECONDS = 5.0
"""How long an answer about drift stands while nothing happens: looking walks every task."""


class Table:
    """One workspace, its journal, and what is projected from it."""

    def __init__(
        self, workspace: Workspace, journal: Journal | None = None, tier: str = TIER_0
    ) -> None:
        """Set the table; the caller holds the workspace's lock.

        While a climb is played its configuration is the one it froze (rule R1), whatever
        autoagent.toml says by now.
        """
        self.journal = journal or Journal(workspace.journal)
        self.tier = tier
        if self.position.phase not in ("new", "finished"):
            frozen = Config.model_validate(self.climb().config)
            workspace = workspace.model_copy(update={"config": frozen})
        self.workspace = workspace
        self.projection = Projection(workspace)
        self.notes: tuple[str, ...] = ()
        """What the human should hear about the last projection."""
        self._snapshot: Snapshot | None = None
        self._drift: tuple[str, float, tuple[str, ...]] = ("", 0.0, ())

    @property
    def position(self) -> Position:
        """Where the climb stands, as the journal holds it."""
        stored = self.journal.position()
        return Position.model_validate_json(stored) if stored else Position()

    def append(self, event: Event, about: str) -> Entry[Held]:
        """Write an event; it moves the position in the same transaction."""
        return self.journal.append(event, about, replay)

    def this_climb[E: Event](self, *kinds: type[E]) -> list[Entry[E]]:
        """Entries of some kinds since the climb started."""
        start = self.journal.last(ClimbStarted)
        return self.journal.of_kind(*kinds, after=start.seq if start else 0)

    def climb(self) -> ClimbStarted:
        """What was frozen when the climb started."""
        start = self.journal.last(ClimbStarted)
        assert start is not None, "no climb was started"
        return start.event

    def frozen(self, position: Position) -> Snapshot:
        """The climb's snapshot, read once."""
        if self._snapshot is None or self._snapshot.digest != position.snapshot:
            self._snapshot = snapshot.load(self.workspace, position.snapshot)
        return self._snapshot

    def drift(self, position: Position) -> tuple[str, ...]:
        """What differs from the snapshot now; looked at anew when something happened."""
        head, now = self.journal.head(), time.monotonic()
        if self._drift[0] != head or now - self._drift[1] > DRIFT_SECONDS:
            found = tuple(snapshot.drift(self.workspace, self.frozen(position)))
            self._drift = (head, now, found)
        return self._drift[2]

    def canonical(self, position: Position) -> Split:
        """The split of the baseline: its fixed section is every candidate's."""
        assert position.baseline is not None
        return canonical_section(
            self.projection.content(position.baseline.id), self.workspace.config.harness.file
        )

    def copied(self, position: Position, files: Mapping[str, bytes]) -> tuple[Copied, ...]:
        """What a candidate's files copy from the frozen tasks, beyond what the baseline says."""
        assert position.baseline is not None
        frozen = self.frozen(position)
        baseline = self.projection.content(position.baseline.id)
        return passages.copied(frozen, files, [*baseline.values(), frozen.program])

    def rows(self) -> list[Row]:
        """The ledger of this climb."""
        return [entry.event.row for entry in self.this_climb(ResultRecorded)]

    def project(self) -> None:
        """Redo what the journal implies: files a discard restores, the branch, results.tsv.

        The journal has the fact already, so what cannot be shown now is a note, no refusal;
        the next projection tries again.
        """
        position = self.position
        if position.baseline is None:
            return
        standing = position.incumbent.candidate if position.incumbent else position.baseline
        entries = self.this_climb(ResultRecorded, CandidateReverted)
        notes: list[str] = []
        for show in (
            lambda: self._restore(standing, entries),
            lambda: notes.extend(self.projection.branch(position.tag, standing.id)),
            lambda: self.projection.ledger(self.rows()),
        ):
            try:
                show()
            except (AutoAgentError, OSError) as error:
                notes.append(f"not shown yet: {error}")
        self.notes = tuple(notes)

    def _restore(
        self, standing: Candidate, entries: Sequence[Entry[ResultRecorded | CandidateReverted]]
    ) -> None:
        """Redo the last discard or revert, unless a keep came after it (rule R6)."""
        if not entries:
            return
        last = entries[-1].event
        if isinstance(last, CandidateReverted) or last.row.status != "keep":
            self.projection.restore(standing.id, entries[-1].seq)

    def known_tasks(self, position: Position, names: Sequence[str]) -> tuple[str, ...]:
        """The named tasks in the snapshot's order, or every task where none is named.

        Raises:
            UnknownName: A name is not in the frozen set.
        """
        unknown = sorted(set(names) - set(position.tasks))
        if unknown:
            raise UnknownName(
                f"There is no task {unknown[0]!r} in this climb. "
                f"Tasks: {', '.join(position.tasks)}.",
                "run_benchmark(tasks=[...]) with names from this list",
            )
        return tuple(name for name in position.tasks if not names or name in names)

    def every_task(self, position: Position) -> tuple[TaskFacts, ...]:
        """The frozen tasks, those that are held out included."""
        frozen = self.frozen(position)
        return (*frozen.tasks, *frozen.holdout)

    def spec(self, running: Running) -> EvaluationSpec:
        """Everything a worker needs; the harnesses are written out from the store alone.

        What a hidden evaluation leaves behind stays out of the workspace. The snapshot is
        checked again: what a shell changed in it since measures nothing (threat D1).
        """
        self._snapshot = None
        config = self.workspace.config
        paths = {task.name: task.path for task in self.every_task(self.position)}
        directory = self.workspace.evaluations / running.id
        probing = running.kind in ("oracle", "noop")
        sides = {} if probing else {"": running.candidate}
        sides |= {side.name: side.candidate for side in running.against}
        return EvaluationSpec(
            running=running,
            climb=self.position.tag,
            journal=self.workspace.journal,
            directory=directory,
            jobs=directory / "jobs" if running.hidden else self.workspace.jobs,
            tasks=task_specs(
                config, {name: paths[name] for name in running.tasks}, self._as_left(running)
            ),
            harnesses={
                side: self.projection.write_out(commit, directory / f"harness{side and '-'}{side}")
                for side, commit in sides.items()
            },
            harness_file=config.harness.file,
            harness_class=config.harness.class_name,
            in_container=config.harness.in_container,
            model=self.climb().model,
            isolation=config.isolation,
            environment=config.benchmark.environment,
            concurrency=config.benchmark.concurrency,
            pass_reward=config.benchmark.pass_reward,
            trial_timeout_seconds=config.benchmark.trial_timeout_seconds,
            void_retries=config.benchmark.void_retries,
            reserved_dollars_per_trial=0.0 if probing else config.budget.dollars_per_trial,
            gateway=plan(config, self.climb().model, self.workspace.root, running.most_dollars),
        )

    def _as_left(self, running: Running) -> Collection[str]:
        """Tasks whose verifier starts with what was left at home (rule R1)."""
        if running.kind in ("oracle", "noop"):
            return running.tasks if running.as_left else ()
        terms = validation.Terms.of(self.workspace.config)
        return validation.needing_left(self.journal, self.every_task(self.position), terms)


def task_specs(
    config: Config, paths: Mapping[str, Path], as_left: Collection[str] = ()
) -> tuple[TaskSpec, ...]:
    """Frozen tasks as a worker knows them; `as_left` are those whose oracle needs what it left."""
    live = config.benchmark.verify_in_place
    return tuple(
        TaskSpec(
            name=name,
            path=path,
            in_place=any(fnmatchcase(name, p) for p in live),
            as_left=name in as_left,
        )
        for name, path in paths.items()
    )


def candidate_named(position: Position, name: str | None) -> Candidate:
    """The candidate a call means: the committed one, else the incumbent, else the baseline.

    Raises:
        UnknownName: The name is none of these.
    """
    known = [
        position.candidate,
        position.incumbent.candidate if position.incumbent else None,
        position.baseline,
    ]
    present = [candidate for candidate in known if candidate is not None]
    if name is None:
        return present[0]
    labels = {"candidate": position.candidate, "incumbent": known[1], "baseline": position.baseline}
    for candidate in [labels.get(name), *present]:
        if candidate and (name in labels or (len(name) >= 7 and candidate.id.startswith(name))):
            return candidate
    raise UnknownName(
        f"There is no candidate {name!r} to measure; known: {', '.join(c.short for c in present)}.",
        "run_benchmark() without a candidate",
    )
