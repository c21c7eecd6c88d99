"""The seam between the referee and whatever runs trials.

An engine starts an evaluation and forgets it: the evaluation writes every trial into
the journal by itself, outlives the server, and ends with one `worker_ended` event.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from autoagent.config import Config
from autoagent.gateway.plan import GatewayPlan, plan
from autoagent.records import Record, Running
from autoagent.workspace.layout import Workspace
from autoagent.workspace.tasks.variables import Named

SPEC_FILE = "spec.json"
"""In an evaluation's directory: what its worker was told."""

Isolation = Literal["sandbox", "process"]
"""`process` runs the harness unsandboxed, its tasks in containers or at a provider; only the human
chooses it."""

WorkerEnd = Literal["complete", "pruned", "cancelled", "out_of_time", "out_of_budget"]
"""Why a worker stopped by itself. A worker that was killed leaves no such event."""


class TaskSpec(Record):
    """A frozen task: its name and its directory in the snapshot.

    `as_left`: its verifier starts with what the candidate left at home, because the oracle passes
    only then.
    """

    name: str
    path: Path
    as_left: bool = False


class EvaluationSpec(Record):
    """All that a worker is told, out of what was frozen; written to disk before it starts.

    `config` is the climb's, `model` the pinned one. `harnesses` has, by side, a directory of the
    server's own that holds the spliced harness file and `.agent/`; it is empty for the oracle and
    the no-op. `gateway` is None where neither the harness nor a verifier calls a model; no key is
    ever in it. `variables` are those of the host that tasks name, and their values are not in it
    either. `climb` is the climb's tag, or "" for an evaluation of none.
    """

    running: Running
    climb: str = ""
    config: Config = Config()
    model: str | None = None
    gateway: GatewayPlan | None = None
    tasks: tuple[TaskSpec, ...]
    harnesses: Mapping[str, Path]
    variables: Named = Named()
    journal: Path
    directory: Path
    jobs: Path

    @classmethod
    def of(
        cls,
        workspace: Workspace,
        running: Running,
        tasks: Mapping[str, Path],
        harnesses: Mapping[str, Path],
        *,
        model: str | None,
        climb: str = "",
        efforts: tuple[str, ...] | None = None,
        as_left: Collection[str] = (),
        variables: Named = Named(),  # noqa: B008 - it is frozen
    ) -> Self:
        """The evaluation of a workspace that is about to be `running`.

        What a hidden evaluation leaves behind stays out of the workspace.

        Raises:
            ConfigError: Its models cannot be called as they are configured.
        """
        config, directory = workspace.config, workspace.evaluations / running.id
        gateway = plan(config, model, workspace.root, running.most_dollars)
        return cls(
            running=running,
            climb=climb,
            config=config,
            model=model,
            gateway=gateway and gateway.replace(efforts=efforts),
            tasks=tuple(
                TaskSpec(name=name, path=path, as_left=name in as_left)
                for name, path in tasks.items()
            ),
            harnesses=harnesses,
            variables=variables,
            journal=workspace.journal,
            directory=directory,
            jobs=directory / "jobs" if running.hidden else workspace.jobs,
        )

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The evaluation whose directory this is."""
        return cls.model_validate_json((directory / SPEC_FILE).read_bytes())

    def store(self) -> None:
        """Write the evaluation down for its worker."""
        text = self.model_dump_json(indent=1, by_alias=True)  # `class` is no name in Python
        (self.directory / SPEC_FILE).write_text(text)

    def with_benchmark(self, **changes: Any) -> Self:
        """The same with another `[benchmark]`."""
        benchmark = self.config.benchmark.model_copy(update=changes)
        config = self.config.model_copy(update={"benchmark": benchmark})
        return self.replace(config=config)

    @property
    def id(self) -> str:
        """The evaluation's id."""
        return self.running.id

    @property
    def scratch(self) -> Path:
        """A directory of the evaluation's that exists only while its worker runs."""
        return self.directory / "scratch"

    @property
    def images(self) -> Path:
        """Root directories of tasks, built once for every evaluation of the workspace."""
        return self.directory.parent / "images"

    @property
    def environment(self) -> str:
        """Where tasks run."""
        return self.config.benchmark.environment

    @property
    def probes(self) -> bool:
        """Whether no harness runs: each task's own solution does, or nothing."""
        return self.running.kind in ("oracle", "noop")

    @property
    def reserved_dollars_per_trial(self) -> float:
        """What is set aside before a trial starts; probes call no model of a harness's."""
        return 0.0 if self.probes else self.config.budget.dollars_per_trial

    def verified_in_place(self, task: TaskSpec) -> bool:
        """Whether a task's verifier needs what was left running where the candidate acted."""
        return self.config.benchmark.is_in_place(task.name)


class Engine(Protocol):
    """Runs evaluations. All calls return at once and are safe to repeat."""

    def check(self, isolation: Isolation, environment: str) -> None:
        """Refuse before anything starts what this machine cannot do.

        Raises:
            InfrastructureFault: Says why, how to mend it, and what `isolation` costs instead.
        """
        ...

    def check_tasks(self, environment: str, composed: Mapping[str, str]) -> None:
        """Refuse before anything starts what this machine cannot run.

        Args:
            environment: Where tasks run.
            composed: Tasks that a container of ours cannot run, and why.

        Raises:
            InfrastructureFault: Names the tasks, and says what is missing.
        """
        ...

    def start(self, spec: EvaluationSpec) -> None:
        """Start the evaluation, or resume it: trials already in the journal are not re-run.

        Raises:
            InfrastructureFault: The worker could not be started.
        """
        ...

    def alive(self, evaluation: str) -> bool:
        """Whether a worker is busy with this evaluation right now."""
        ...

    def cancel(self, evaluation: str) -> None:
        """Ask the worker to stop cleanly; it ends with a `worker_ended` event."""
        ...
