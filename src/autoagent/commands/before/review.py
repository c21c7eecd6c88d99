"""`autoagent tasks review`: what a benchmark's reviewer would say, found before a night is spent.

It has a journal, a snapshot and workers of its own, as `autoagent run` has; it takes no lock, and
nothing that it finds enters a climb.
"""

import os
import shutil
import time
from collections.abc import Callable, Collection
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from autoagent.commands.during.run import own_state, played
from autoagent.config import Config
from autoagent.environments.kinds import kind_of
from autoagent.evidence.causes import READ_BYTES
from autoagent.evidence.events import TrialFinished
from autoagent.evidence.failure import last_failure
from autoagent.evidence.journal import Journal
from autoagent.evidence.trajectory import verifier_output
from autoagent.records import Running, Trial
from autoagent.referee.candidates import baseline_draft
from autoagent.referee.evaluations import deciding_trials
from autoagent.review import texts, trials
from autoagent.review.faults import Fault
from autoagent.review.trials import Part
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.host import shelf_of
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.snapshot import Snapshot
from autoagent.workspace.tasks.variables import Host

LOOK_SECONDS = 0.5
TRIAL_SECONDS = 0.75
"""About what a trial takes of a processor, whose task itself takes no time."""


class Reviewed(NamedTuple):
    """What a review found; `power` is how small a gain the tasks can tell from luck."""

    faults: tuple[Fault, ...]
    power: str
    trials: int
    cancelled: bool = False


class Review:
    """The tasks of a workspace, frozen, and the trials that are to show what they are worth."""

    def __init__(self, root: Path, times: int, gain: float | None) -> None:
        """Freeze the tasks; nothing runs yet.

        Args:
            root: The workspace.
            times: How often each oracle and each no-op runs.
            gain: The gain that is hoped for, in points.

        Raises:
            WorkspaceError: The harness or the tasks cannot be used.
            TaskError: No task can be, or an answers.toml says what it cannot mean.
            InfrastructureFault: This machine can make no sandbox.
        """
        outer = open_workspace(root)
        number, state = own_state(outer)
        self._workspace, self._name = outer.replace(state=state), f"review{number}"
        config = self._workspace.config
        self._engine = DetachedEngine(self._workspace.evaluations)
        self._draft, split, self._model = baseline_draft(self._workspace)
        kind = kind_of(config.benchmark.environment)
        self._frozen: Snapshot = snapshot.take(
            self._workspace, split.fixed, kind.gives, host=Host(shelf=shelf_of(outer))
        )
        self._texts = tuple(texts.faults(self._frozen, config, gain))
        self._power = texts.said(len(self._frozen.tasks), config)
        every = (*self._frozen.tasks, *self._frozen.holdout)
        self.parts = [part for task in every for part in trials.players(task, times)]

    @property
    def announcement(self) -> str:
        """How many trials there are, and about how long they take."""
        config = self._workspace.config
        at_once = min(config.benchmark.concurrency, os.cpu_count() or 1)
        tasks = len({part.task for part in self.parts})
        minutes = len(self.parts) * TRIAL_SECONDS / at_once / 60
        return (
            f"{len(self.parts)} trials of {tasks} tasks: oracle, no-op, wrong agents, answers; "
            f"about {max(1, round(minutes))} min and what the tasks themselves take."
        )

    def read(self) -> Reviewed:
        """What the files tell."""
        shutil.rmtree(self._workspace.state, ignore_errors=True)
        return Reviewed(self._texts, self._power, 0)

    def play(self, on_look: Callable[[str], None]) -> Reviewed:
        """Run the trials too, telling how far they are; an interrupt leaves what is known.

        Raises:
            InfrastructureFault: This machine can make no sandbox, or the worker died.
        """
        benchmark = self._workspace.config.benchmark
        self._engine.check(self._workspace.config.isolation, benchmark.environment)
        self._engine.check_tasks(benchmark.environment, self._frozen.composed)
        cancelled, found = self._run(self._name, self.parts, False, on_look)
        again = [] if cancelled else self._without_oracle(found)
        left: list[Fault] = []
        if again:
            cancelled, as_left = self._run(f"{self._name}.left", again, True, on_look)
            for task in {part.task for part in again} - {
                p.task for p in self._without_oracle(as_left)
            }:
                found |= {
                    p.name: as_left[p.name] for p in again if p.task == task and p.name in as_left
                }
                left.append(
                    Fault(
                        task=task,
                        what="its oracle passes only where the verifier starts with what it left",
                        fix="have solution/ leave its answer in the work directory alone",
                    )
                )
        shutil.rmtree(self._workspace.state, ignore_errors=True)
        faults = (*self._texts, *trials.judged(self.parts, found), *left)
        return Reviewed(faults, self._power, len(found), cancelled)

    def _without_oracle(self, found: dict[str, Trial]) -> list[Part]:
        """The oracles and right answers of tasks whose oracle was played, and never passed."""
        played = {part.task for part in self.parts if part.name in found and part.role == "oracle"}
        passed = {
            part.task
            for part in self.parts
            if part.role == "oracle" and part.name in found
            if found[part.name].outcome == "passed"
        }
        solving = [part for part in self.parts if part.role in ("oracle", "right answer")]
        return [part for part in solving if part.task in played - passed]

    def _run(
        self, name: str, parts: Collection[Part], as_left: bool, on_look: Callable[[str], None]
    ) -> tuple[bool, dict[str, Trial]]:
        """Play some parts in one evaluation: whether it was cancelled, and a trial for each."""
        workspace = _in_place(self._workspace, parts)
        place = workspace.state / "reviewed" / name
        paths = trials.write(self._frozen, [*parts], place)
        running = Running(
            id=name.replace(".", "-"),
            kind="oracle",
            candidate=name,
            digest=self._draft.digest,
            tasks=tuple(paths),
            attempts=1,
            as_left=as_left,
            hidden=True,
            deadline=time.time() + workspace.config.benchmark.evaluation_timeout_seconds,
        )
        left = paths if as_left else ()
        spec = EvaluationSpec.of(workspace, running, paths, {}, model=self._model, as_left=left)
        with closing(Journal(spec.journal)) as journal:
            state = played(spec, journal, lambda e: _follow(e, journal, running, on_look))
            entries = [entry.event for entry in journal.about(running.id, TrialFinished)]
        places = {event.trial.id: Path(event.directory) for event in entries}
        decided = deciding_trials([event.trial for event in entries])
        return state == "cancelled", {t.task: _explained(t, places[t.id]) for t in decided}


def _follow(
    engine: DetachedEngine, journal: Journal, running: Running, on_look: Callable[[str], None]
) -> None:
    """Tell once a second how far it is, until the worker is gone."""
    began = time.monotonic()
    while engine.alive(running.id):
        done = len(journal.about(running.id, TrialFinished))
        left = (time.monotonic() - began) / done * (running.expected - done) if done else None
        more = "" if left is None else f", {left / 60:.0f} min left"
        on_look(f"{done} of {running.expected} trials{more}")
        time.sleep(LOOK_SECONDS)


def _explained(trial: Trial, place: Path) -> Trial:
    """A trial that failed says what its verifier said last."""
    if trial.outcome != "failed" or trial.detail:
        return trial
    return trial.replace(detail=last_failure(verifier_output(place, READ_BYTES)))


def _in_place(workspace: Workspace, parts: Collection[Part]) -> Workspace:
    """The workspace, in which a part is verified in place where its task is."""
    config: Config = workspace.config
    names = [p.name for p in parts if config.benchmark.is_in_place(p.task)]
    benchmark = config.benchmark.model_copy(update={"verify_in_place": tuple(names)})
    return workspace.replace(config=config.model_copy(update={"benchmark": benchmark}))
