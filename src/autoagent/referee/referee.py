"""The referee: the rules of the game, in order of play.

This is the only place where the rooms meet. A climb is played in these steps, and
every public call below is one of them, in this order:

    start_climb        freeze everything; prove each task with its oracle and a no-op    R1
    run_benchmark      the unmodified baseline first                                     R2
    commit_candidate   check and store a changed harness                                 R8
    run_benchmark      every expected trial, measured by the server                      R3 R4 R9
    append_result      the gate's verdict takes effect; the ledger gets its row          R5 R6 R7
    finish_climb       certify: baseline and champion afresh, side by side, once

A call out of order is refused with the call to make next; budgets are checked before
anything starts (R10); every answer says where the climb stands (R11). All calls are quick
and synchronous: trials run in a worker that outlives this process, and `advance` settles
what it has done. Every fact is in the journal before it takes effect anywhere else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from autoagent.environments.kinds import kind_of
from autoagent.errors import BudgetExceeded, CandidateRefused, OutOfOrder
from autoagent.evidence.events import (
    CandidateCommitted,
    CandidateReverted,
    CertificationStarted,
    ClimbFinished,
    ClimbStarted,
    ResultRecorded,
)
from autoagent.evidence.position import Position
from autoagent.records import Phase, Row, Trial, clean, row_of
from autoagent.referee import certifying, evaluations, measuring, proving, reading
from autoagent.referee.candidates import baseline_draft, read_draft
from autoagent.referee.climb import Table, candidate_named
from autoagent.referee.passages import sentences
from autoagent.referee.views import Commitment, Comparison, EvaluationReport, Progress, Status
from autoagent.worker.engine import Engine
from autoagent.workspace import editing
from autoagent.workspace.layout import Workspace, WorkspaceLock, open_workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tier import TIER_0


class Referee:
    """One workspace's referee, which holds the workspace's lock.

    Not safe for concurrent calls; the server makes them one at a time.
    """

    def __init__(self, table: Table, engine: Engine, lock: WorkspaceLock) -> None:
        """Use `Referee.open`."""
        self._table, self._engine, self._lock = table, engine, lock

    @classmethod
    def open(cls, root: Path, engine: Engine | None = None, tier: str = TIER_0) -> Self:
        """Take the workspace and finish what a killed server left half done.

        Raises:
            WorkspaceBusy: Another server holds the workspace.
            ConfigError: autoagent.toml is wrong.
        """
        workspace = open_workspace(root)
        lock = WorkspaceLock(workspace.lock)
        lock.acquire()
        try:
            if engine is None:
                from autoagent.worker.detached import DetachedEngine

                engine = DetachedEngine(workspace.evaluations)
            table = Table(workspace, tier=tier)
            table.projection.sweep_locks()
            table.project()
        except BaseException:
            lock.release()
            raise
        return cls(table, engine, lock)

    def close(self) -> None:
        """Let go of the workspace. A running evaluation goes on; the next server rejoins it."""
        self._table.journal.close()
        self._lock.release()

    @property
    def workspace(self) -> Workspace:
        """The workspace, with the configuration that is in force."""
        return self._table.workspace

    @property
    def position(self) -> Position:
        """Where the climb stands."""
        return self._table.position

    # start_climb ------------------------------------------------------------------

    def start_climb(self, tag: str) -> Status:
        """R1: freeze tasks, verifiers, program, fixed section, model and config; start validation.

        Repeating the call with the same tag rejoins the validation.

        Raises:
            OutOfOrder: Another climb is being played.
            WorkspaceError: The workspace, its git repository or the harness is not ready.
            TaskError: No task can be used.
            InfrastructureFault: This machine cannot isolate as autoagent.toml says.
        """
        position = self.position
        if position.phase in ("validating", "baseline_needed") and position.tag == tag:
            self.advance()
            return self.status()
        self._require("new", "finished")
        workspace = open_workspace(self._table.workspace.root)
        self._engine.check(workspace.config.isolation, workspace.config.benchmark.environment)
        table = Table(workspace, self._table.journal, self._table.tier)
        draft, split, model = baseline_draft(table.workspace)
        head = table.projection.clean_head(tag)
        kind = kind_of(table.workspace.config.benchmark.environment)
        frozen = snapshot.take(table.workspace, split.fixed, kind.gives)
        self._engine.check_tasks(workspace.config.benchmark.environment, frozen.composed)
        commit = table.projection.store(draft.files, parent=head, message=f"baseline of {tag}")
        baseline = draft.stored(commit, parent=None, description="baseline")
        self._table = table
        started = ClimbStarted(
            tag=tag,
            snapshot=frozen.digest,
            tasks=tuple(task.name for task in frozen.tasks),
            holdout=tuple(task.name for task in frozen.holdout),
            excluded=frozen.excluded,
            baseline=baseline,
            model=model,
            config=table.workspace.config.model_dump(mode="json", by_alias=True),
            head=head,
            isolation=table.workspace.config.isolation,
            tier=table.tier,
        )
        table.append(started, tag)
        table.project()
        self.advance()
        return self.status()

    # commit_candidate, revert -----------------------------------------------------

    def commit_candidate(self, description: str, *, dry_run: bool = False) -> Commitment:
        """Check the harness on disk and store it; `dry_run` only checks.

        Raises:
            CandidateRefused: A rule is broken, or nothing changed; nothing was stored.
            OutOfOrder: No incumbent yet, or a candidate is waiting to be measured.
        """
        description, position = clean(description), self.position
        self._require("idle", *(("committed", "evaluated", "baseline_needed") if dry_run else ()))
        config = self._table.workspace.config
        own = f"{config.harness.file} and .agent/"
        if others := self._table.projection.changed_elsewhere(self._table.climb().head):
            problems = [f"{path}: changed, and only {own} may" for path in others[:20]]
            raise CandidateRefused(problems, "undo that, then commit_candidate(description) again")
        draft = read_draft(
            self._table.workspace, self._table.canonical(position), self._table.climb().model
        )
        copied = () if dry_run else self._table.copied(position, draft.files)  # no free soundings
        draft = draft.model_copy(update={"warnings": (*sentences(copied), *draft.warnings)})
        incumbent = candidate_named(position, "incumbent" if position.incumbent else "baseline")
        earlier = evaluations.measured(self._table.journal, position.tag, draft.digest)
        facts: dict[str, Any] = {
            "complexity": draft.complexity,
            "incumbent_complexity": incumbent.complexity,
            "warnings": draft.warnings,
            "duplicate_of": earlier.candidate[:7] if earlier else None,
        }
        if dry_run:
            return Commitment(candidate=None, **facts)
        if draft.digest == incumbent.digest:
            raise CandidateRefused(
                [f"no_change: {own} equal the incumbent {incumbent.short}"],
                "edit above the boundary, then commit_candidate(description)",
            )
        commit = self._table.projection.store(draft.files, parent=incumbent.id, message=description)
        candidate = draft.stored(commit, parent=incumbent.id, description=description)
        self._table.append(CandidateCommitted(candidate=candidate, copied=copied), commit)
        return Commitment(candidate=candidate, **facts)

    def revert(self) -> Position:
        """R6: back to the incumbent's files. What stood there is moved aside.

        Raises:
            OutOfOrder: A measured candidate waits for its ledger row, or a worker is busy.
        """
        position = self._require("idle", "committed")
        incumbent = candidate_named(position, "incumbent")
        subject = (position.candidate or incumbent).id
        self._table.append(CandidateReverted(restored=incumbent.id), subject)
        self._table.project()
        return self.position

    # run_benchmark ----------------------------------------------------------------

    def run_benchmark(self, candidate: str | None = None, tasks: Sequence[str] = ()) -> str:
        """Start an evaluation, or rejoin it. Without `tasks` it is a full suite and decides (R4).

        Args:
            candidate: Which harness; by default the one the phase calls for.
            tasks: A subset, for diagnosis only.

        Returns:
            The evaluation's id. Identical content is one evaluation (R8): it may be complete.

        Raises:
            OutOfOrder: Nothing is committed, or another evaluation runs.
            UnknownName: No such candidate or task.
            BudgetExceeded: It could pass a cap, or a STOP file asks for the end (R10).
        """
        position = self._require("baseline_needed", "idle", "committed", "evaluating", "evaluated")
        chosen = candidate_named(position, candidate)
        names = self._table.known_tasks(position, tasks)
        if position.running is not None:
            waits = candidate is None and not tasks
            same = position.running.candidate == chosen.id and {*position.running.tasks} == {*names}
            if waits or same:
                return position.running.id
            raise OutOfOrder(
                f"Evaluation {position.running.id} of {position.running.candidate[:7]} is running.",
                "run_benchmark() to wait for it, or cancel_benchmark()",
            )
        if tasks and position.phase == "baseline_needed":
            raise OutOfOrder(
                "The baseline comes first, on the full suite (rule R2).", "run_benchmark()"
            )
        if tasks and position.phase == "evaluated":
            raise OutOfOrder(
                "The last evaluation has no ledger row yet.", reading.next_call(position)
            )
        subset = names if tasks else None
        before = evaluations.measured(self._table.journal, position.tag, chosen.digest, subset)
        if before is not None:
            if not tasks and chosen == position.candidate and position.pending is None:
                measuring.reuse(self._table, position, chosen, before)
            return before.id
        stop = self._table.workspace.stop_file
        if stop.exists():
            raise BudgetExceeded(
                f"{stop} asks for the end of the climb (rule R10).", "finish_climb()"
            )
        kind = "subset" if tasks else "full" if position.incumbent else "baseline"
        planned = measuring.planned(self._table, position, kind, chosen, names)
        return measuring.begin(self._table, self._engine, position, planned)

    def cancel_benchmark(self) -> Position:
        """Stop the running evaluation. What was started counts: a full suite is then discarded.

        Raises:
            OutOfOrder: Nothing runs, or the baseline does: it is the yardstick and must be whole.
        """
        position = self.position
        if position.running is None:
            raise OutOfOrder("No evaluation is running.", reading.next_call(position))
        if position.running.kind not in ("full", "subset"):
            raise OutOfOrder(
                "The baseline, the validation of tasks and the certification cannot be cancelled.",
                reading.next_call(position),
            )
        measuring.cancel(self._table, self._engine, position.running)
        return self.advance()

    def advance(self) -> Position:
        """Settle what workers have done since the last call. Quick; call it until nothing runs."""
        position = self.position
        running = position.running
        if running is None:
            if position.phase == "validating":
                proving.step(self._table, self._engine, position)
            elif position.phase == "certifying":
                certifying.step(self._table, self._engine, position)
            return self.position
        alive = self._engine.alive(running.id)  # asked first: a worker ends before it dies
        ended = evaluations.ended(self._table.journal, running.id)
        if ended is not None:
            measuring.settle(self._table, position, running, ended)
        elif not alive:
            measuring.restart(self._table, self._engine, running)
        elif self._table.workspace.stop_file.exists():
            measuring.cancel(self._table, self._engine, running)
        return self.position

    # append_result, finish_climb --------------------------------------------------

    def append_result(self, description: str | None = None) -> Row:
        """R7: write the ledger row; the verdict takes effect.

        A keep makes the candidate the incumbent (R5); a discard restores its files (R6).

        Raises:
            OutOfOrder: No evaluated candidate is waiting for its row.
        """
        position = self._require("evaluated")
        assert position.evaluated is not None and position.pending is not None
        candidate = position.evaluated.candidate
        told = clean(description or candidate.description)
        row = row_of(position.evaluated, position.pending, told)
        self._table.append(ResultRecorded(climb=position.tag, row=row), candidate.id)
        self._table.project()
        return row

    def finish_climb(self, reason: str = "finished") -> Status:
        """End the climb, and start the certification of what it brought, or rejoin it.

        A measured candidate gets its row (R7); an unmeasured one is dropped.

        Raises:
            OutOfOrder: Nothing is being played, or an evaluation runs.
        """
        phases: tuple[Phase, ...] = ("baseline_needed", "idle", "committed", "evaluated")
        position = self._require(*phases, "certifying")
        if position.phase == "evaluated":
            self.append_result()
        elif position.phase == "committed":
            self.revert()
        if position.phase == "certifying":
            self.advance()
        elif why := certifying.needless(self._table, self.position):
            finished = ClimbFinished(reason=clean(reason), uncertified=why)
            self._table.append(finished, position.tag)
        else:
            asked = CertificationStarted(reason=clean(reason), capped=True)
            self._table.append(asked, position.tag)
            self.advance()
        return self.status()

    def certify(self) -> Status:
        """Certify a climb that ended without it, at the human's own cost; or rejoin that.

        A certification that was cut short goes on where it stopped; one that is whole stands.

        Raises:
            OutOfOrder: The climb is not over, or there is nothing to certify.
        """
        position = self._require("finished", "certifying")
        if position.phase == "finished":
            if why := certifying.needless(self._table, position):
                raise OutOfOrder(f"There is nothing to certify: {why}.", "status()")
            asked = CertificationStarted(reason="by hand", capped=False)
            self._table.append(asked, position.tag)
        self.advance()
        return self.status()

    # reading ------------------------------------------------------------------------

    def status(self) -> Status:
        """R11: the phase, the incumbent, what is left of the budget, the next calls, the head."""
        return reading.status(self._table)

    def progress(self) -> Progress | None:
        """How far the running evaluation is, or None when nothing runs."""
        running = self.position.running
        return evaluations.progress_of(self._table.journal, running) if running else None

    def evaluation(self, evaluation: str) -> EvaluationReport:
        """One evaluation, finished or not."""
        return evaluations.report_of(self._table.journal, evaluation)

    def trial(self, trial: str) -> tuple[Trial, Path]:
        """A trial that ended, by id, and its Harbor directory."""
        return evaluations.trial_of(self._table.journal, trial)

    def compare(self, candidate: str | None = None, against: str | None = None) -> Comparison:
        """Tasks fixed and broken between two full evaluations."""
        return reading.compare(self._table, candidate, against)

    def read_file(self, path: str) -> bytes:
        """A file of the enumerated set: program, harness, ledger, notes, instructions."""
        return editing.read(self._table.workspace, self._tasks(), path)

    def edit_file(self, path: str, old: str, new: str) -> str:
        """Replace `old`, which occurs once, in the harness above the boundary or in `.agent/`."""
        self._require("idle", "committed", "evaluated", "baseline_needed")
        fixed = self._table.canonical(self.position).fixed
        return editing.edit(self._table.workspace, path, old, clean(new), fixed)

    def _tasks(self) -> dict[str, Path]:
        position = self.position
        if not position.snapshot:
            return {}
        return {task.name: task.path for task in self._table.frozen(position).tasks}

    def _require(self, *phases: Phase) -> Position:
        """Refuse a call that is out of order, naming the call to make next (R11)."""
        position = self.position
        if position.phase not in phases:
            raise OutOfOrder(
                f"This call is out of order: the climb is in phase `{position.phase}`.",
                reading.next_call(position),
            )
        return position
