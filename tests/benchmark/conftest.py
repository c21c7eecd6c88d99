"""Evaluations by a real worker, without a referee."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest

from autoagent.benchmark.detached import DetachedEngine
from autoagent.benchmark.engine import EvaluationSpec, TaskSpec
from autoagent.journal import Journal
from autoagent.records import Running, Trial


class Bench:
    """Starts workers over tasks and harnesses that a test wrote."""

    def __init__(self, directory: Path, write_task: Callable[..., None]) -> None:
        self.directory, self._write_task = directory, write_task
        self.engine = DetachedEngine(directory / "evaluations")
        directory.mkdir()
        self.journal = Journal(directory / "journal.sqlite3")

    def spec(self, harness: str | None, tasks: Mapping[str, str], **changes: Any) -> EvaluationSpec:
        """An evaluation of `harness` on tasks whose expected answer is their question."""
        name = changes.pop("id", "e1")
        place = self.directory / "evaluations" / name
        specs: list[TaskSpec] = []
        for task, question in tasks.items():
            path = self.directory / "tasks" / task
            if not path.exists():
                self._write_task(path, expected=question, question=question)
            specs.append(TaskSpec(name=task, path=path))
        if harness is not None:
            (place / "harness/.agent").mkdir(parents=True)
            (place / "harness/agent.py").write_text(harness)
        running: dict[str, Any] = {
            "id": name,
            "kind": "subset",
            "candidate": "c" * 40,
            "digest": "d" * 64,
            "tasks": tuple(tasks),
            "attempts": 1,
            "deadline": time.time() + 120,
        }
        running |= {key: changes.pop(key) for key in [*changes] if key in Running.model_fields}
        facts: dict[str, Any] = {
            "running": Running.model_validate(running),
            "journal": self.journal.path,
            "directory": place,
            "jobs": self.directory / "jobs",
            "tasks": tuple(specs),
            "harnesses": {"": place / "harness"} if harness is not None else {},
            "trial_timeout_seconds": 4.0,
        }
        return EvaluationSpec.model_validate(facts | changes)

    def over(self, spec: EvaluationSpec, tasks: Mapping[str, Path]) -> EvaluationSpec:
        """The same evaluation over other tasks, by name and directory."""
        chosen = tuple(TaskSpec(name=name, path=path) for name, path in tasks.items())
        running = spec.running.model_copy(update={"tasks": tuple(tasks)})
        return spec.model_copy(update={"tasks": chosen, "running": running})

    async def finish(self, spec: EvaluationSpec, seconds: float = 90) -> dict[str, Trial]:
        """Run to the end; the last trial of each task."""
        self.engine.start(spec)
        await self.until(lambda: not self.engine.alive(spec.id), seconds)
        return self.trials(spec.id)

    def trials(self, evaluation: str) -> dict[str, Trial]:
        """The last trial of each task so far."""
        events = self.journal.about(evaluation, "trial_finished")
        trials = [Trial.model_validate(event.body["trial"]) for event in events]
        return {trial.task: trial for trial in trials}

    def log(self, evaluation: str = "e1") -> str:
        """What the worker said."""
        return (self.directory / "evaluations" / evaluation / "worker.log").read_text()

    def trial_directory(self, trial: Trial) -> Path:
        """A trial's Harbor directory."""
        for event in self.journal.about(trial.id.split(".")[0], "trial_finished"):
            if event.body["trial"]["id"] == trial.id:
                return Path(event.body["directory"])
        raise KeyError(trial.id)

    async def until(self, happened: Callable[[], bool], seconds: float = 30) -> None:
        """Wait for another process; it has no event to wait on."""
        with anyio.fail_after(seconds):
            while not happened():
                await anyio.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path, write_task: Callable[..., None]) -> Bench:
    """Real workers below a temporary directory."""
    return Bench(tmp_path / "bench", write_task)
