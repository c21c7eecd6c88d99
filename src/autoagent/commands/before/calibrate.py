"""`autoagent calibrate`: how many trials at once this machine, or this provider, is good for.

Passes of the tasks' own solutions (of doing nothing, where there are none) at 1, 2, 4, 8 …
trials at a time, until twice as many bring hardly more trials a minute or the first trial is
void, or until the memory has room for no more. The least concurrency that comes within a tenth of
the best is the number. No model is called: what a provider of models allows at once is another
limit, and not measured here. Nothing else of the workspace's is measured meanwhile.

`luck` measures the harness itself, twice: what differs is luck, and says which gate to choose.
"""

import math
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from autoagent.commands.before.doctor import climb_of
from autoagent.commands.during.run import Alone, OnLook, measure
from autoagent.errors import InfrastructureFault, OutOfOrder, UnknownName, WorkspaceBusy
from autoagent.evidence.events import TrialFinished, TrialStarted
from autoagent.evidence.journal import Journal
from autoagent.gate.noise import noise_of
from autoagent.records import Noise, Record
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.memory import capacity
from autoagent.workspace.layout import WorkspaceLock, open_workspace

HARDLY_MORE = 1.05
NEARLY_THE_BEST = 0.9
FEWEST_TRIALS = 8
PASS_SECONDS = 6 * 3600.0


class Rate(Record):
    """How quick a pass was at one concurrency."""

    concurrency: int
    trials: int
    void: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """Trials that measured something, a minute."""
        return 60 * (self.trials - self.void) / self.seconds if self.seconds else 0.0


@contextmanager
def undisturbed(root: Path) -> Generator[None]:
    """While nothing else is measured in the workspace, and no climb can begin.

    Raises:
        OutOfOrder: A climb is under way: its configuration is frozen.
        WorkspaceBusy: A server has the workspace open, or a worker measures.
    """
    workspace = open_workspace(root)
    with WorkspaceLock(workspace.lock, "autoagent calibrate", workspace.root):
        position, _ = climb_of(workspace)
        if position.phase not in ("new", "finished") or position.running:
            raise OutOfOrder(
                f"The climb {position.tag} is under way, and its configuration is frozen.",
                "`autoagent calibrate` when it is over",
            )
        state = workspace.state
        for place in (*state.glob("evaluations/*/"), *state.glob("runs/*/evaluations/*/")):
            if DetachedEngine(place.parent).alive(place.name):
                raise WorkspaceBusy(
                    f"{place} is being measured, and both would be the slower for it.",
                    "`autoagent calibrate` when it has ended",
                )
        yield


def calibrate(root: Path, most: int, tell: Callable[[Rate], None]) -> list[Rate]:
    """Measure at rising concurrency until more is no use, telling each as it ends.

    Raises:
        OutOfOrder: A climb is under way.
        WorkspaceBusy: Something else is measured, or could be at any time.
        WorkspaceError: The harness or the tasks cannot be used.
        InfrastructureFault: A worker died, or trials are void one at a time.
    """
    with undisturbed(root):
        return _rates(_probe(root), most, tell)


def luck(root: Path, on_look: OnLook) -> Noise:
    """Measure the harness as it stands twice, as a baseline is, while a gate may still be chosen.

    It calls its model, within the caps of autoagent.toml, and counts towards no night.

    Raises:
        AutoAgentError: As `calibrate` says.
    """
    with undisturbed(root):
        spec = Alone(root).spec
        state, attempts = spec.directory.parent.parent, spec.running.attempts
        twice = spec.replace(
            running=spec.running.replace(attempts=2 * attempts), jobs=state / "jobs"
        )
        try:
            ended, found = measure(twice, on_look)
        finally:
            shutil.rmtree(state, ignore_errors=True)
    if ended == "cancelled":
        raise KeyboardInterrupt
    return noise_of(found, spec.running.tasks, attempts)


def _rates(spec: EvaluationSpec, most: int, tell: Callable[[Rate], None]) -> list[Rate]:
    most = capacity(most, [task.path for task in spec.tasks], spec.environment)
    state = spec.directory.parent.parent
    rates: list[Rate] = []
    try:
        _measure(spec, 1, warm=True)  # builds what the tasks run on
        concurrency = 1
        while concurrency <= most:
            best = max((rate.per_minute for rate in rates), default=0.0)
            rate = _measure(spec, concurrency)
            tell(rate)
            rates.append(rate)
            if rate.void or rate.per_minute < HARDLY_MORE * best:
                break
            concurrency *= 2
    finally:
        shutil.rmtree(state, ignore_errors=True)
    if rates[0].void:
        raise InfrastructureFault(
            f"{rates[0].void} of {rates[0].trials} trials measured nothing, one at a time.",
            "`autoagent run`, which shows why",
        )
    return rates


def knee(rates: list[Rate]) -> int:
    """The least concurrency that comes within a tenth of the best; one with void trials is out."""
    sound = [rate for rate in rates if not rate.void]
    enough = NEARLY_THE_BEST * max(rate.per_minute for rate in sound)
    return min(rate.concurrency for rate in sound if rate.per_minute >= enough)


def _probe(root: Path) -> EvaluationSpec:
    """An evaluation of solutions, or of doing nothing, with a state directory of its own."""
    try:
        spec = Alone(root, kind="oracle").spec
    except UnknownName:
        spec = Alone(root).spec
        running = spec.running.replace(kind="noop")
        spec = spec.replace(running=running, harnesses={})
    jobs = spec.directory.parent.parent / "jobs"
    return spec.replace(jobs=jobs, gateway=None).with_benchmark(void_retries=0)


def _measure(spec: EvaluationSpec, concurrency: int, *, warm: bool = False) -> Rate:
    """One pass, long enough that so many trials do run at once."""
    tasks = len(spec.running.tasks)
    trials = tasks if warm else max(FEWEST_TRIALS, 2 * concurrency)
    name = "warm" if warm else f"n{concurrency}"
    running = spec.running.replace(
        id=name,
        attempts=max(1, math.ceil(trials / tasks)),
        deadline=time.time() + PASS_SECONDS,
    )
    directory = spec.directory.parent / name
    again = spec.replace(running=running, directory=directory)
    again = again.with_benchmark(concurrency=concurrency)
    state, found = measure(again, lambda _: None)
    if state == "cancelled":
        raise KeyboardInterrupt
    if len(found) < (due := tasks * running.attempts):
        raise InfrastructureFault(f"{len(found)} of {due} trials ended, and then: {state}.")
    with closing(Journal(spec.journal)) as journal:
        started = journal.about(name, TrialStarted)
        ended = journal.about(name, TrialFinished)
    return Rate(
        concurrency=concurrency,
        trials=len(found),
        void=sum(trial.outcome == "void" for trial in found),
        seconds=max(event.at for event in ended) - min(event.at for event in started),
    )
