"""One round of an evaluation as a job of Harbor's: which trials, in which order, and where."""

import importlib
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from harbor.models.job.config import JobConfig, RetryConfig
from harbor.models.trial.config import AgentConfig, EnvironmentConfig, TaskConfig

from autoagent.environments.kinds import EvaluationFacts, kind_of
from autoagent.gate.agenda import Slot
from autoagent.gateway.calls.clock import STANDS_MOST
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.memory import capacity
from autoagent.workspace.tasks import steps

ORACLE = "autoagent.worker.oracle:Oracle"
NOOP = AgentConfig(name="nop")
ENDING_SECONDS = 180.0
"""How much later than our own Harbor's limit is: a trial starts before, and its container is judged
and made anew after."""


def job_of(spec: EvaluationSpec, slots: Sequence[Slot]) -> JobConfig:
    """The job that runs these trials, in this order."""
    paths = {task.name: task.path for task in spec.tasks}
    return JobConfig(
        job_name=_fresh_name(spec),
        jobs_dir=spec.jobs,
        n_concurrent_trials=_capacity(spec),
        quiet=True,
        retry=RetryConfig(max_retries=0),
        agents=[_agent_of(spec)],
        environment=environment_of(spec),
        tasks=[TaskConfig(path=paths[slot.task]) for slot in slots],
    )


def remember_exclusions() -> None:
    """Ask once for each file of a task whether Harbor leaves it out: a frozen task does not change.

    Since 0.25 every trial asks by `.harborignore`, fifty times: a tenth of a second of the thread
    that all trials share, which made the quickstart's baseline a fifth longer (bench/versions.py).
    """
    with suppress(ImportError):  # 0.24 leaves nothing out
        filters: Any = importlib.import_module("harbor.models.task.file_filter")
        filters.TaskFileFilter.is_excluded = _remembered(filters.TaskFileFilter.is_excluded)


def _remembered(asked: Callable[[Any, Path], bool]) -> Callable[[Any, Path], bool]:
    known: dict[tuple[Path, Path], bool] = {}

    def is_excluded(self: Any, path: Path) -> bool:
        key = (self.task_dir, path)
        if key not in known:
            known[key] = asked(self, path)
        return known[key]

    return is_excluded


def seconds_of(spec: EvaluationSpec, task: Path) -> float:
    """The task's own time for the harness, under the cap."""
    return _capped(spec, steps.agent_seconds(task))


def steps_of(spec: EvaluationSpec, task: Path) -> dict[str, float]:
    """The task's steps, and their own time for the harness, each under the cap."""
    return {step.name: _capped(spec, step.agent_seconds) for step in steps.steps_of(task)}


def _capped(spec: EvaluationSpec, told: float | None) -> float:
    cap = spec.config.benchmark.trial_timeout_seconds
    return cap if told is None else min(told, cap)


def environment_of(spec: EvaluationSpec) -> EnvironmentConfig:
    """Where trials run, in Harbor's words."""
    facts = EvaluationFacts(
        scratch=spec.scratch,
        images=spec.images,
        state=spec.journal.parent,
        directory=spec.directory,
        climb=spec.climb,
        in_place=[task.path for task in spec.tasks if spec.verified_in_place(task)],
        as_left=[task.path for task in spec.tasks if task.as_left],
        in_container=spec.config.harness.in_container,
    )
    path, own = kind_of(spec.environment).harbor_class(facts)
    return EnvironmentConfig(import_path=path, kwargs=own)


def _agent_of(spec: EvaluationSpec) -> AgentConfig:
    if spec.probes:
        return AgentConfig(import_path=ORACLE) if spec.running.kind == "oracle" else NOOP
    return AgentConfig(
        import_path="autoagent.worker.acting.proxy:ProxyAgent",
        kwargs={"digest": spec.running.digest},
        override_timeout_sec=_harbors_limit(spec),
    )


def _harbors_limit(spec: EvaluationSpec) -> float:
    """Later than ours, however long a trial's clock stands still and its last calls are awaited."""
    ours = spec.config.benchmark.trial_timeout_seconds
    return ours + STANDS_MOST + spec.config.gateway.patience.longest_call + ENDING_SECONDS


def _capacity(spec: EvaluationSpec) -> int:
    """As many trials as are configured, and no more than the memory has room for."""
    wanted = spec.config.benchmark.concurrency
    found = capacity(wanted, [task.path for task in spec.tasks], spec.environment)
    if found < wanted:
        logging.warning("concurrency = %d: the memory has room for %d", wanted, found)
    return found


def _fresh_name(spec: EvaluationSpec) -> str:
    """A fresh directory for each round: Harbor would resume an old one."""
    name, count = spec.id, 1
    while (spec.jobs / name).exists():
        count += 1
        name = f"{spec.id}.round{count}"
    return name
