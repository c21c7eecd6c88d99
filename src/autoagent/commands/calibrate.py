"""`autoagent calibrate`: how many trials at once this machine, or this provider, is good for.

Passes of the tasks' own solutions (of doing nothing, where there are none) at 1, 2, 4, 8 …
trials at a time, until twice as many bring hardly more trials a minute or the first trial is
void, or until the memory has room for no more. The least concurrency that comes within a tenth of
the best is the number. No model is called: what a provider of models allows at once is another
limit, and not measured here. Nothing else of the workspace's is measured meanwhile.
"""

import math
import re
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import tomli

from autoagent.commands.doctor import climb_of
from autoagent.commands.run import POLL_SECONDS, Alone
from autoagent.config import FILE_NAME, load_config
from autoagent.errors import (
    ConfigError,
    InfrastructureFault,
    OutOfOrder,
    UnknownName,
    WorkspaceBusy,
)
from autoagent.evidence.events import TrialFinished, TrialStarted
from autoagent.evidence.journal import Journal
from autoagent.files import write_durably
from autoagent.records import Record
from autoagent.referee.evaluations import trials_of
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.memory import capacity
from autoagent.workspace.layout import WorkspaceLock, open_workspace

HARDLY_MORE = 1.05
NEARLY_THE_BEST = 0.9
FEWEST_TRIALS = 8
PASS_SECONDS = 6 * 3600.0

_SECTION = re.compile(r"^\s*\[benchmark\]\s*(#.*)?$")
_KEY = re.compile(r"^(\s*concurrency\s*=\s*)\d+")


class Step(Record):
    """A pass at one concurrency."""

    concurrency: int
    trials: int
    void: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """Trials that measured something, a minute."""
        return 60 * (self.trials - self.void) / self.seconds if self.seconds else 0.0


OnStep = Callable[[Step], None]


@contextmanager
def undisturbed(root: Path) -> Generator[None]:
    """While nothing else is measured in the workspace, and no climb can begin.

    Raises:
        OutOfOrder: A climb is under way: its configuration is frozen.
        WorkspaceBusy: A server has the workspace open, or a worker measures.
    """
    workspace = open_workspace(root)
    with WorkspaceLock(workspace.lock, "autoagent calibrate"):
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


def calibrate(root: Path, most: int, on_step: OnStep) -> list[Step]:
    """Measure at rising concurrency until more is no use, telling each step as it ends.

    Raises:
        OutOfOrder: A climb is under way.
        WorkspaceBusy: Something else is measured, or could be at any time.
        WorkspaceError: The harness or the tasks cannot be used.
        InfrastructureFault: A worker died, or trials are void one at a time.
    """
    with undisturbed(root):
        return _steps(_probe(root), most, on_step)


def _steps(spec: EvaluationSpec, most: int, on_step: OnStep) -> list[Step]:
    most = capacity(most, [task.path for task in spec.tasks], spec.environment)
    state = spec.directory.parent.parent
    steps: list[Step] = []
    try:
        _measure(spec, 1, warm=True)  # builds what the tasks run on
        concurrency = 1
        while concurrency <= most:
            best = max((step.per_minute for step in steps), default=0.0)
            step = _measure(spec, concurrency)
            on_step(step)
            steps.append(step)
            if step.void or step.per_minute < HARDLY_MORE * best:
                break
            concurrency *= 2
    finally:
        shutil.rmtree(state, ignore_errors=True)
    if steps[0].void:
        raise InfrastructureFault(
            f"{steps[0].void} of {steps[0].trials} trials measured nothing, one at a time.",
            "`autoagent run`, which shows why",
        )
    return steps


def knee(steps: list[Step]) -> int:
    """The least concurrency that comes within a tenth of the best; one with void trials is out."""
    sound = [step for step in steps if not step.void]
    enough = NEARLY_THE_BEST * max(step.per_minute for step in sound)
    return min(step.concurrency for step in sound if step.per_minute >= enough)


def write_concurrency(root: Path, concurrency: int) -> None:
    """Set `concurrency` in autoagent.toml, and change nothing else in it.

    Raises:
        ConfigError: The file says it in a way that is not understood here.
    """
    path = root / FILE_NAME
    text = path.read_bytes().decode() if path.exists() else ""  # its line ends stay
    before = tomli.loads(text)
    wanted: dict[str, Any] = before | {
        "benchmark": before.get("benchmark", {}) | {"concurrency": concurrency}
    }
    new = _with_concurrency(text, concurrency)
    try:
        right = tomli.loads(new) == wanted
    except tomli.TOMLDecodeError:
        right = False
    if not right:
        raise ConfigError(
            f"{path}: `benchmark.concurrency` stands where it is not found.",
            f"write `concurrency = {concurrency}` there yourself",
        )
    write_durably(path, new.encode())
    load_config(root)


def _with_concurrency(text: str, concurrency: int) -> str:
    """The text with the number in `[benchmark]`, in the place of the one that is there."""
    lines = text.splitlines(keepends=True)
    header = next((n for n, line in enumerate(lines) if _SECTION.match(line.strip())), None)
    if header is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}[benchmark]\nconcurrency = {concurrency}\n"
    for number in range(header + 1, len(lines)):
        if lines[number].lstrip().startswith("["):
            break
        if _KEY.match(lines[number]):
            lines[number] = _KEY.sub(rf"\g<1>{concurrency}", lines[number])
            return "".join(lines)
    lines[header] = f"{lines[header].rstrip()}\nconcurrency = {concurrency}\n"
    return "".join(lines)


def _probe(root: Path) -> EvaluationSpec:
    """An evaluation of solutions, or of doing nothing, with a state directory of its own."""
    try:
        spec = Alone(root, oracle=True).spec
    except UnknownName:
        spec = Alone(root).spec
        running = spec.running.model_copy(update={"kind": "noop"})
        spec = spec.model_copy(update={"running": running, "harnesses": {}})
    jobs = spec.directory.parent.parent / "jobs"
    return spec.model_copy(update={"jobs": jobs, "void_retries": 0, "gateway": None})


def _measure(spec: EvaluationSpec, concurrency: int, *, warm: bool = False) -> Step:
    """One pass, long enough that so many trials do run at once."""
    tasks = len(spec.running.tasks)
    trials = tasks if warm else max(FEWEST_TRIALS, 2 * concurrency)
    name = "warm" if warm else f"n{concurrency}"
    running = spec.running.model_copy(
        update={
            "id": name,
            "attempts": max(1, math.ceil(trials / tasks)),
            "deadline": time.time() + PASS_SECONDS,
        }
    )
    directory = spec.directory.parent / name
    again = spec.model_copy(
        update={"running": running, "directory": directory, "concurrency": concurrency}
    )
    engine = DetachedEngine(directory.parent)
    with closing(Journal(spec.journal)) as journal:
        engine.start(again)
        try:
            _wait(engine, name)
        except KeyboardInterrupt:
            while engine.alive(name):
                engine.cancel(name)
                time.sleep(POLL_SECONDS)
            raise
        found = trials_of(journal, name)
        started = journal.about(name, TrialStarted)
        ended = journal.about(name, TrialFinished)
    if len(found) < tasks * running.attempts:
        log = directory / "worker.log"
        said = log.read_text(errors="replace")[-1000:].strip()
        raise InfrastructureFault(f"The worker stopped before its end and said: {said}")
    return Step(
        concurrency=concurrency,
        trials=len(found),
        void=sum(trial.outcome == "void" for trial in found),
        seconds=max(event.at for event in ended) - min(event.at for event in started),
    )


def _wait(engine: DetachedEngine, name: str) -> None:
    while engine.alive(name):
        time.sleep(POLL_SECONDS)
