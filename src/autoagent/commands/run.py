"""`autoagent run`: one evaluation of the harness as it stands, with no climb around it.

It has a journal, a snapshot and a worker of its own under `<state>/runs/<n>`, so nothing
it finds can enter a climb. It takes no lock and decides nothing.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from autoagent.errors import InfrastructureFault, UnknownName
from autoagent.evidence.journal import Journal
from autoagent.gate.decide import score_of
from autoagent.gateway.plan import plan
from autoagent.records import EvaluationState, Record, Running, Score, Trial
from autoagent.referee.candidates import Draft, baseline_draft
from autoagent.referee.climb import task_specs
from autoagent.referee.evaluations import deciding_trials, ended, trials_of
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts

POLL_SECONDS = 0.1
LOG_CHARACTERS = 1500

OnTrial = Callable[[Trial], None]


class RunReport(Record):
    """What an evaluation on its own found. `excluded` tells which tasks were left out, and why."""

    state: EvaluationState
    trials: tuple[Trial, ...]
    score: Score
    excluded: Mapping[str, str]
    jobs: Path
    job: str


class Alone:
    """One evaluation with a state directory of its own."""

    def __init__(self, root: Path, tasks: Sequence[str] = (), *, oracle: bool = False) -> None:
        """Check the harness, freeze the tasks and write the evaluation down; nothing runs yet.

        Args:
            root: The workspace.
            tasks: Names of tasks to run; by default all that autoagent.toml selects.
            oracle: Run each task's own solution in the place of the harness.

        Raises:
            WorkspaceError: The harness or the tasks cannot be used.
            UnknownName: There is no such task.
            InfrastructureFault: This machine can make no sandbox.
        """
        outer = open_workspace(root)
        number, state = _own_state(outer)
        workspace = outer.model_copy(update={"state": state})
        self._engine = DetachedEngine(workspace.evaluations)
        self._engine.check(workspace.config.isolation, workspace.config.benchmark.environment)
        draft, split, model = baseline_draft(workspace)
        frozen = snapshot.take(workspace, split.fixed, holdout=False)
        self._excluded = frozen.excluded
        chosen = _chosen(frozen, tasks, oracle=oracle)
        composed = {task.name: task.composed for task in chosen if task.composed}
        self._engine.check_tasks(workspace.config.benchmark.environment, composed)
        name = f"run{number}"
        directory = workspace.evaluations / name
        running = Running(
            id=name,
            kind="oracle" if oracle else "subset",
            candidate=name,
            digest=draft.digest,
            tasks=tuple(task.name for task in chosen),
            attempts=workspace.config.benchmark.attempts,
            deadline=time.time() + workspace.config.benchmark.evaluation_timeout_seconds,
        )
        harness = {} if oracle else {"": _written(draft, directory / "harness")}
        self.spec = _spec(workspace, running, chosen, model, harness)

    def measure(self, on_trial: OnTrial) -> RunReport:
        """Run to the end, telling each trial as it ends; an interrupt cancels the rest.

        Raises:
            InfrastructureFault: The worker died; says where its log is.
        """
        with closing(Journal(self.spec.journal)) as journal:
            self._engine.start(self.spec)
            started = time.monotonic()
            try:
                self._follow(journal, on_trial)
            except KeyboardInterrupt:
                self._cancel()
            report = self._report(journal, time.monotonic() - started)
        shutil.rmtree(self.spec.directory.parent / "images", ignore_errors=True)
        return report

    def _follow(self, journal: Journal, on_trial: OnTrial) -> None:
        """Tell every trial once, until the worker is gone."""
        told, alive = 0, True
        while alive:
            alive = self._engine.alive(self.spec.id)  # asked first: it writes before it dies
            trials = trials_of(journal, self.spec.id)
            for trial in trials[told:]:
                on_trial(trial)
            told = len(trials)
            if alive:
                time.sleep(POLL_SECONDS)

    def _cancel(self) -> None:
        """Ask the worker to stop, and wait until it is gone; the engine kills one that lingers."""
        while self._engine.alive(self.spec.id):
            self._engine.cancel(self.spec.id)
            time.sleep(POLL_SECONDS)

    def _report(self, journal: Journal, seconds: float) -> RunReport:
        state = ended(journal, self.spec.id)
        if state is None:
            log = self.spec.directory / "worker.log"
            said = log.read_text(errors="replace")[-LOG_CHARACTERS:].strip()
            raise InfrastructureFault(f"The worker stopped before its end; {log} says: {said}")
        trials = trials_of(journal, self.spec.id)
        return RunReport(
            state=state,
            trials=tuple(deciding_trials(trials)),
            score=score_of(self.spec.running, trials, seconds=seconds),
            excluded=self._excluded,
            jobs=self.spec.jobs,
            job=self.spec.id,
        )


def _own_state(workspace: Workspace) -> tuple[int, Path]:
    """A fresh directory under `<state>/runs`, by number."""
    runs = workspace.state / "runs"
    runs.mkdir(mode=0o700, exist_ok=True)
    number = 1 + max((int(p.name) for p in runs.iterdir() if p.name.isdigit()), default=0)
    while True:
        try:
            (runs / str(number)).mkdir(mode=0o700)
        except FileExistsError:  # another one has just started
            number += 1
        else:
            return number, runs / str(number)


def _chosen(frozen: Snapshot, names: Sequence[str], *, oracle: bool) -> list[TaskFacts]:
    by_name = {task.name: task for task in frozen.tasks if task.has_solution or not oracle}
    every = {task.name for task in frozen.tasks}
    for name in names:
        if name not in by_name:
            missing = (
                "it has no solution/solve.sh"
                if name in every
                else "there is none, or it is held out"
            )
            why = frozen.excluded.get(name, missing)
            raise UnknownName(
                f"Task {name!r} cannot be run: {why}. Tasks: {', '.join(by_name)}.",
                "`autoagent doctor`",
            )
    if not by_name:
        raise UnknownName("No task has a solution/solve.sh.", "`autoagent run` without --oracle")
    return [task for name, task in by_name.items() if not names or name in names]


def _spec(
    workspace: Workspace,
    running: Running,
    tasks: Sequence[TaskFacts],
    model: str | None,
    harnesses: Mapping[str, Path],
) -> EvaluationSpec:
    config = workspace.config
    return EvaluationSpec(
        running=running,
        journal=workspace.journal,
        directory=workspace.evaluations / running.id,
        jobs=workspace.jobs,
        tasks=task_specs(config, {task.name: task.path for task in tasks}),
        harnesses=harnesses,
        harness_file=config.harness.file,
        harness_class=config.harness.class_name,
        in_container=config.harness.in_container,
        model=model,
        isolation=config.isolation,
        environment=config.benchmark.environment,
        concurrency=config.benchmark.concurrency,
        pass_reward=config.benchmark.pass_reward,
        trial_timeout_seconds=config.benchmark.trial_timeout_seconds,
        void_retries=config.benchmark.void_retries,
        gateway=plan(config, model, workspace.root, config.budget.dollars),
    )


def _written(draft: Draft, directory: Path) -> Path:
    """The spliced harness and its notes, in a directory of the worker's own."""
    (directory / ".agent").mkdir(parents=True)
    for path, data in draft.files.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return directory
