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
from typing import Self

from autoagent.errors import AutoAgentError, OutOfOrder, WorkspaceBusy
from autoagent.evidence import events
from autoagent.evidence.position import Position
from autoagent.records import Phase, Row, Trial, clean, row_of
from autoagent.referee import committing, evaluations, measuring, moves, passing
from autoagent.referee.climb import Climb
from autoagent.referee.ending import certifying
from autoagent.referee.opening import proving, starting
from autoagent.referee.telling import comparing, diagnosis, predictions, reading, shown
from autoagent.referee.telling.views import (
    Commitment,
    Comparison,
    Diagnosis,
    EvaluationReport,
    Progress,
    Status,
)
from autoagent.worker.engine import Engine
from autoagent.workspace import disks, editing
from autoagent.workspace.layout import Workspace, WorkspaceLock, open_workspace
from autoagent.workspace.tier import TIER_0


class Referee:
    """One workspace's referee, which holds the workspace's lock; or an onlooker, who only reads.

    Not safe for concurrent calls; the server makes them one at a time.
    """

    def __init__(
        self, climb: Climb, lock: WorkspaceLock, busy: WorkspaceBusy | None = None
    ) -> None:
        """Use `Referee.open`, or `onlooker.look`."""
        self._climb, self._lock, self._busy = climb, lock, busy
        self._shown: tuple[object, object] = (None, None)

    @classmethod
    def open(cls, root: Path, engine: Engine | None = None, tier: str = TIER_0) -> Self:
        """Take the workspace and finish what a killed server left half done.

        Raises:
            WorkspaceBusy: Another server holds the workspace.
            ConfigError: autoagent.toml is wrong.
            InfrastructureFault: A disk is full, or cannot be written.
        """
        workspace = open_workspace(root)
        with disks.told(workspace):
            lock = WorkspaceLock(workspace.lock, root=workspace.root)
            lock.acquire()
            try:
                if engine is None:
                    from autoagent.worker.detached import DetachedEngine

                    engine = DetachedEngine(workspace.evaluations)
                climb = Climb(workspace, engine, tier=tier)
                climb.notice_sleep()
                climb.projection.sweep()
                climb.project()
            except BaseException:
                lock.release()
                raise
            return cls(climb, lock)

    def close(self) -> None:
        """Let go of the workspace. A running evaluation goes on; the next server rejoins it."""
        self._climb.journal.close()
        self._lock.release()

    @property
    def workspace(self) -> Workspace:
        """The workspace, with the configuration that is in force."""
        return self._climb.workspace

    @property
    def position(self) -> Position:
        """Where the climb stands."""
        return self._climb.position

    # start_climb ------------------------------------------------------------------

    def start_climb(self, tag: str) -> Status:
        """R1: freeze tasks, verifiers, program, fixed section, model and config; start validation.

        Repeating the call with the same tag rejoins the validation.

        Raises:
            OutOfOrder: Another climb is being played.
            BudgetExceeded: The night's caps are used up, or a STOP file asks for the end (R10).
            WorkspaceError: The workspace, its git repository or the harness is not ready.
            TaskError: No task can be used.
            ConfigError: The harness could not call its model: a key is missing, say.
            InfrastructureFault: This machine cannot isolate as autoagent.toml says.
        """
        position = self.position
        if position.phase in ("validating", "baseline_needed") and position.tag == tag:
            self.advance()
            return self.status()
        self._require("start_climb", "new", "finished")
        self._climb = starting.start(self._climb, tag)
        self._climb.project()
        self.advance()
        return self.status()

    # commit_candidate, revert -----------------------------------------------------

    def commit_candidate(
        self,
        description: str,
        *,
        dry_run: bool = False,
        should_fix: Sequence[str] = (),
        may_break: Sequence[str] = (),
    ) -> Commitment:
        """Check the harness on disk and store it; `dry_run` only checks.

        `should_fix` and `may_break` foretell tasks; they are held against what is measured.

        Raises:
            CandidateRefused: A rule is broken, or nothing changed; nothing was stored.
            OutOfOrder: No incumbent yet, or a candidate is waiting to be measured.
            UnknownName: A foretold task is none of this climb's.
        """
        later: tuple[Phase, ...] = ("committed", "evaluated", "baseline_needed")
        self._require("commit_candidate", "idle", *(later if dry_run else ()))
        return committing.commit(self._climb, clean(description), dry_run, should_fix, may_break)

    def revert(self) -> Position:
        """R6: back to the incumbent's files. What stood there is moved aside.

        Raises:
            OutOfOrder: A measured candidate waits for its ledger row, or a worker is busy.
        """
        position = self._require("revert", "idle", "committed")
        incumbent = self._climb.candidate_named("incumbent")
        subject = (position.candidate or incumbent).id
        self._climb.append(events.CandidateReverted(restored=incumbent.id), subject)
        self._climb.project()
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
        position = self._require("run_benchmark", *moves.IN_ORDER["run_benchmark()"])
        if tasks and position.phase == "baseline_needed":
            raise OutOfOrder(
                "The baseline comes first, on the full suite (rule R2).", "run_benchmark()"
            )
        if tasks and position.phase == "evaluated":
            raise OutOfOrder("The last evaluation has no ledger row yet.", self._next_call())
        chosen = self._climb.candidate_named(candidate)
        names = self._climb.known_tasks(tasks)
        if (running := position.running) is not None:
            waits = candidate is None and not tasks
            if waits or (running.candidate == chosen.id and {*running.tasks} == {*names}):
                return running.id
            raise OutOfOrder(
                f"Evaluation {running.id} of {running.candidate[:7]} is running.",
                "run_benchmark() to wait for it, or cancel_benchmark()",
            )
        before = evaluations.measured(self._climb, chosen.digest, names if tasks else None)
        if before is not None:
            if not tasks and chosen == position.candidate and position.pending is None:
                measuring.reuse(self._climb, chosen, before)
            return before.evaluation
        if position.evaluated is not None:  # what told nothing may be measured again, after its row
            if chosen == position.evaluated.candidate:
                return position.evaluated.evaluation
            raise OutOfOrder("The last evaluation has no ledger row yet.", self._next_call())
        measuring.refuse_stopped(self._climb.workspace)
        kind = "subset" if tasks else "full" if position.incumbent else "baseline"
        return measuring.begin_suite(self._climb, kind, chosen, names)

    def cancel_benchmark(self) -> str:
        """Stop the running evaluation. What was started counts: a full suite is then discarded.

        Returns:
            The evaluation's id; its worker may take a moment.

        Raises:
            OutOfOrder: Nothing runs, or the baseline does: it is the yardstick and must be whole.
        """
        self._may_move()
        running = self.position.running
        if running is None:
            raise OutOfOrder("No evaluation is running.", self._next_call())
        if running.kind not in moves.CANCELLABLE:
            raise OutOfOrder(
                "The baseline, the validation of tasks and the certification cannot be cancelled.",
                self._next_call(),
            )
        measuring.cancel(self._climb, running)
        self.advance()
        return running.id

    def advance(self) -> Position:
        """Settle what workers have done since the last call. Quick; call it until nothing runs."""
        if self._busy is not None:
            return self.position
        self._climb.notice_sleep()
        if self._climb.unrestored:  # before anybody reads what an edit will be of
            self._climb.project()
        climb, phase, running = self._climb, self.position.phase, self.position.running
        if running is None:
            if phase == "validating":
                proving.step(climb)
                if self.position.phase == "baseline_needed":
                    climb.project()  # from here on the climb has a branch
            elif phase == "certifying":
                certifying.step(climb)
            return self.position
        alive = climb.engine.alive(running.id)  # asked first: a worker ends before it dies
        ended = evaluations.ended(climb.journal, running.id)
        if ended is not None:
            measuring.settle(climb, running, ended)
        elif not alive:
            measuring.restart(climb, running)
        elif climb.workspace.stop_file.exists():
            measuring.cancel(climb, running)
        return self.position

    # append_result, finish_climb --------------------------------------------------

    def append_result(self, description: str | None = None) -> Row:
        """R7: write the ledger row; the verdict takes effect.

        A keep makes the candidate the incumbent (R5); a discard restores its files (R6).

        Raises:
            OutOfOrder: No evaluated candidate is waiting for its row.
        """
        position = self._require("append_result", "evaluated")
        assert position.evaluated is not None and position.pending is not None
        candidate = position.evaluated.candidate
        told = clean(description or candidate.description)
        row = row_of(position.evaluated, position.pending, told)
        passing.look(self._climb, position.evaluated, position.pending)
        self._climb.append(events.ResultRecorded(climb=position.tag, row=row), candidate.id)
        self._climb.project()
        return row

    def finish_climb(self, reason: str = "finished") -> Status:
        """End the climb, and start the certification of what it brought, or rejoin it.

        A measured candidate gets its row (R7); an unmeasured one is dropped. The files are the
        human's again, as the climb found them: what was kept is on the branch, to be merged. A
        climb that is over stays as it is: who never heard the answer may ask again.

        Raises:
            OutOfOrder: Nothing is being played, or an evaluation runs.
        """
        phases: tuple[Phase, ...] = ("baseline_needed", "idle", "committed", "evaluated")
        position = self._require("finish_climb", *phases, "certifying", "finished")
        if position.phase == "finished":
            return self.status()
        if position.phase == "evaluated":
            self.append_result()
        elif position.phase == "committed":
            self.revert()
        if position.phase == "certifying":
            self.advance()
        elif why := certifying.needless(self._climb):
            finished = events.ClimbFinished(reason=clean(reason), uncertified=why, handed_back=True)
            self._climb.append(finished, position.tag)
            self._climb.project()
        else:
            asked = events.CertificationStarted(reason=clean(reason), capped=True, handed_back=True)
            self._climb.append(asked, position.tag)
            self._climb.project()
            self.advance()
        return self.status()

    def certify(self) -> Status:
        """Certify a climb that ended without it, at the human's own cost; or rejoin that.

        A certification that was cut short goes on where it stopped; one that is whole stands.

        Raises:
            OutOfOrder: The climb is not over, or there is nothing to certify.
        """
        position = self._require("certify", "finished", "certifying")
        if position.phase == "finished":
            if why := certifying.needless(self._climb):
                raise OutOfOrder(f"There is nothing to certify: {why}.", "status()")
            asked = events.CertificationStarted(reason="by hand", capped=False)
            self._climb.append(asked, position.tag)
        self.advance()
        return self.status()

    # reading ------------------------------------------------------------------------

    def status(self) -> Status:
        """R11: the phase, the incumbent, what is left of the budget, the next calls, the head."""
        return reading.status(self._climb)

    def refused(self, error: AutoAgentError) -> None:
        """Say in a refusal which call to make next, and remember a trouble that lasts (R11)."""
        reading.refused(self._climb, error)

    def show(self) -> None:
        """Leave where the climb stands in the workspace, if that moved since it was last shown."""
        now = (self._climb.position, self._climb.trouble)
        if now[0] is not self._shown[0] or now[1] is not self._shown[1]:
            shown.show(self._climb)
            self._shown = now

    def progress(self) -> Progress | None:
        """How far the running evaluation is, or None when nothing runs."""
        running = self.position.running
        return evaluations.progress_of(self._climb.journal, running) if running else None

    def evaluation(self, evaluation: str) -> EvaluationReport:
        """One evaluation, finished or not, and which of the predictions it made true."""
        report = evaluations.report_of(self._climb.journal, evaluation)
        return report.replace(foretold=predictions.of_report(self._climb, report))

    def trial(self, trial: str) -> tuple[Trial, Path]:
        """A trial that ended, by id, and its Harbor directory, wherever the workspace is by now."""
        found, directory = evaluations.trial_of(self._climb.journal, trial)
        here = self.workspace.jobs.joinpath(*directory.parts[-2:])
        return found, here if not directory.exists() and here.is_dir() else directory

    def compare(self, candidate: str | None = None, against: str | None = None) -> Comparison:
        """Tasks fixed and broken between two full evaluations."""
        return comparing.compare(self._climb, candidate, against)

    def diagnose(self) -> Diagnosis:
        """The incumbent's failures by cause, and what was tried on these tasks."""
        if self.position.incumbent is None:
            raise OutOfOrder("No harness was measured yet.", self._next_call())
        return diagnosis.diagnose(self._climb, self.position.incumbent)

    def read_file(self, path: str) -> bytes:
        """A file of the enumerated set: program, harness, ledger, notes, instructions, ideas."""
        if path == reading.TRIED:
            return reading.tried(self._climb)
        known = self._climb.frozen.tasks if self.position.snapshot else ()
        tasks = {task.name: task.path for task in known}
        return editing.read(self._climb.workspace, tasks, path)

    def edit_file(self, path: str, old: str, new: str) -> str:
        """Replace `old`, which occurs once, in the harness above the boundary or in `.agent/`."""
        self._require("edit_file", "idle", "committed", "evaluated", "baseline_needed")
        committing.undo_first(self._climb)  # else the edit would be moved aside with what it is of
        fixed = self._climb.canonical.fixed
        return editing.edit(self._climb.workspace, path, old, clean(new), fixed)

    def _require(self, call: str, *phases: Phase) -> Position:
        """Refuse a call that is out of order, naming it and the call to make next (R11)."""
        self._may_move()
        position = self.position
        if position.phase not in phases:
            told = f"`{call}` is out of order: the climb is in phase `{position.phase}`."
            raise OutOfOrder(told, self._next_call())
        return position

    def _may_move(self) -> None:
        """Refuse every move of an onlooker's, saying who referees."""
        if self._busy is not None:
            raise self._busy

    def _next_call(self) -> str:
        return reading.next_calls(self._climb)[0]
