"""`autoagent run`: one evaluation of the harness as it stands, with no climb around it.

It has a journal, a snapshot and a worker of its own under `<state>/runs/<n>`, so nothing
it finds can enter a climb. It takes no lock and decides nothing.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from autoagent.environments.kinds import kind_of
from autoagent.errors import InfrastructureFault, UnknownName, WorkspaceError
from autoagent.evidence import failure
from autoagent.evidence.events import TrialStarted
from autoagent.evidence.journal import Journal
from autoagent.gate.decide import score_of
from autoagent.gateway.ready import model_row
from autoagent.records import EvaluationKind, EvaluationState, Record, Running, Score, Trial
from autoagent.referee.candidates import Draft, baseline_draft
from autoagent.referee.evaluations import deciding_trials, ended, trial_of, trials_of
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.host import host_of, named_by
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts

POLL_SECONDS = 0.1
LOG_CHARACTERS = 1500


class Seen(Record):
    """How far an evaluation on its own is: what ended, which tasks' trials run, how long it took.

    A failed trial's detail is the last line that its verifier printed.
    """

    trials: tuple[Trial, ...]
    running: tuple[str, ...]
    expected: int
    seconds: float

    @property
    def seconds_left(self) -> float | None:
        """By what the trials took so far, or None before the first ended."""
        ended = len(deciding_trials(self.trials))
        return self.seconds / ended * (self.expected - ended) if ended else None


OnLook = Callable[[Seen], None]


class RunReport(Record):
    """What an evaluation on its own found. `excluded` tells which tasks were left out, and why."""

    state: EvaluationState
    trials: tuple[Trial, ...]
    score: Score
    excluded: Mapping[str, str]
    jobs: Path
    job: str

    @property
    def trouble(self) -> str:
        """What spoilt every trial, where none was measured or all crashed for one reason."""
        said = {trial.detail for trial in self.trials}
        spoilt = all(trial.outcome in ("void", "crashed") for trial in self.trials)
        return said.pop() if self.trials and spoilt and len(said) == 1 else ""


class Alone:
    """One evaluation with a state directory of its own."""

    def __init__(
        self, root: Path, tasks: Sequence[str] = (), kind: EvaluationKind = "subset"
    ) -> None:
        """Check the harness, freeze the tasks and write the evaluation down; nothing runs yet.

        Args:
            root: The workspace.
            tasks: Names of tasks to run; by default all that autoagent.toml selects.
            kind: Another than "subset" runs a probe in the place of the harness: "oracle", each
                task's own solution, or "noop", nothing.

        Raises:
            WorkspaceError: The harness or the tasks cannot be used.
            UnknownName: There is no such task.
            InfrastructureFault: This machine can make no sandbox.
        """
        outer = open_workspace(root)
        number, state = own_state(outer)
        workspace = outer.replace(state=state)
        engine = DetachedEngine(workspace.evaluations)
        engine.check(workspace.config.isolation, workspace.config.benchmark.environment)
        if workspace.stop_file.exists():
            raise WorkspaceError(f"{workspace.stop_file} asks for nothing to run. Remove it.")
        draft, split, model = baseline_draft(workspace)
        if kind == "subset":
            model_row(workspace.config, model, outer.root, draft.output_limits)
        gives = kind_of(workspace.config.benchmark.environment).gives
        host = host_of(workspace, model)
        frozen = snapshot.take(workspace, split.fixed, gives, host=host, holdout=False)
        self._excluded = frozen.excluded
        chosen = _chosen(frozen, tasks, oracle=kind == "oracle")
        composed = {task.name: task.composed for task in chosen if task.composed}
        engine.check_tasks(workspace.config.benchmark.environment, composed)
        name = f"run{number}"
        directory = workspace.evaluations / name
        running = Running(
            id=name,
            kind=kind,
            candidate=name,
            digest=draft.digest,
            tasks=tuple(task.name for task in chosen),
            attempts=workspace.config.benchmark.attempts,
            most_dollars=workspace.config.budget.dollars,
            deadline=time.time() + workspace.config.benchmark.evaluation_timeout_seconds,
        )
        played = kind == "subset"
        harness = {"": _written(draft, directory / "harness")} if played else {}
        paths = {task.name: task.path for task in chosen}
        named = named_by(frozen, workspace)
        self.spec = EvaluationSpec.of(
            workspace, running, paths, harness, model=model, variables=named
        )

    def measure(self, on_look: OnLook) -> RunReport:
        """Run to the end, telling how far it is once a second; an interrupt cancels the rest.

        Raises:
            InfrastructureFault: The worker died; says where its log is.
        """
        started = time.monotonic()
        state, trials = measure(self.spec, on_look)
        shutil.rmtree(self.spec.images, ignore_errors=True)
        return RunReport(
            state=state,
            trials=tuple(deciding_trials(trials)),
            score=score_of(self.spec.running, trials, seconds=time.monotonic() - started),
            excluded=self._excluded,
            jobs=self.spec.jobs,
            job=self.spec.id,
        )


def measure(spec: EvaluationSpec, on_look: OnLook) -> tuple[EvaluationState, list[Trial]]:
    """Run an evaluation that no referee waits for; how it ended, and every trial.

    An interrupt cancels what is left: the state is `cancelled` then.

    Raises:
        InfrastructureFault: The worker died; says where its log is.
    """
    with closing(Journal(spec.journal)) as journal:
        state = played(spec, journal, lambda engine: _follow(engine, journal, spec, on_look))
        return state, _explained(journal, spec.id)


def played(
    spec: EvaluationSpec, journal: Journal, follow: Callable[[DetachedEngine], None]
) -> EvaluationState:
    """Run an evaluation while somebody follows it until its worker is gone; how it ended.

    Raises:
        InfrastructureFault: The worker died; says where its log is.
    """
    engine = DetachedEngine(spec.directory.parent)
    engine.start(spec)
    try:
        follow(engine)
    except KeyboardInterrupt:
        while engine.alive(spec.id):  # the engine kills one that lingers
            engine.cancel(spec.id)
            time.sleep(POLL_SECONDS)
    state = ended(journal, spec.id)
    if state is None:
        log = spec.directory / "worker.log"
        lines = log.read_text(errors="replace").split("\n")
        said = [line for line in lines if line.strip() and not line.startswith((" ", "\t"))]
        last = said[-1][-LOG_CHARACTERS:] if said else "nothing"
        raise InfrastructureFault(f"The worker stopped before its end: {last}. See {log}.")
    return state


def _follow(engine: DetachedEngine, journal: Journal, spec: EvaluationSpec, show: OnLook) -> None:
    """Tell how far it is at every change and once a second, until the worker is gone."""
    began, told, alive = time.monotonic(), (-1, -1, -1), True
    running = spec.running
    expected = len(running.tasks) * running.attempts
    while alive:
        alive = engine.alive(spec.id)  # asked first: it writes before it dies
        started = journal.about(spec.id, TrialStarted)
        ended = {trial.id for trial in trials_of(journal, spec.id)}
        seconds = time.monotonic() - began
        now = (len(started), len(ended), int(seconds))
        if now != told:
            told = now
            show(
                Seen(
                    trials=tuple(_explained(journal, spec.id)),
                    running=tuple(e.event.task for e in started if e.event.trial not in ended),
                    expected=expected,
                    seconds=seconds,
                )
            )
        if alive:
            time.sleep(POLL_SECONDS)


def _explained(journal: Journal, evaluation: str) -> list[Trial]:
    """Its trials; one that failed says what its verifier said last."""
    return [
        trial.replace(detail=said)
        if trial.outcome == "failed" and not trial.detail and (said := failure.said(place))
        else trial
        for trial in trials_of(journal, evaluation)
        for place in (trial_of(journal, trial.id)[1],)
    ]


def own_state(workspace: Workspace) -> tuple[int, Path]:
    """A fresh directory under `<state>/runs`, and its number."""
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
                f"--tasks: {name!r} cannot be run: {why}. Tasks: {', '.join(by_name) or 'none'}.",
                "`autoagent doctor`",
            )
    if not by_name:
        raise UnknownName("No task has a solution/solve.sh.", "`autoagent run` without --oracle")
    return [task for name, task in by_name.items() if not names or name in names]


def _written(draft: Draft, directory: Path) -> Path:
    """The spliced harness and its notes, in a directory of the worker's own."""
    (directory / ".agent").mkdir(parents=True)
    for path, data in draft.files.items():
        place = directory / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return directory
