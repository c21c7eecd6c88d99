"""The seam between the referee and whatever runs trials.

An engine starts an evaluation and forgets it: the evaluation writes every trial into
the journal by itself, outlives the server, and ends with one `worker_ended` event.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from autoagent.gateway.plan import GatewayPlan
from autoagent.records import Record, Running

Isolation = Literal["sandbox", "process"]
"""`process` runs harness and tasks unsandboxed; only the human chooses it."""

WorkerEnd = Literal["complete", "pruned", "cancelled", "out_of_time", "out_of_budget"]
"""Why a worker stopped by itself. A worker that was killed leaves no such event."""


class TaskSpec(Record):
    """A frozen task: its name and its directory in the snapshot.

    `in_place`: its verifier runs where the candidate acted, because it needs what was left running.
    `as_left`: it starts with what the candidate left at home, because the oracle passes only then.
    """

    name: str
    path: Path
    in_place: bool = False
    as_left: bool = False


class EvaluationSpec(Record):
    """Everything a worker needs to know; written to disk before it starts.

    `harnesses` has, by side, a directory of the server's own that holds the spliced harness
    file and `.agent/`; it is empty for the oracle and the no-op. `gateway` is
    None where neither the harness nor a verifier calls a model; no key is ever in it. `climb`
    is the climb's tag, or "" for an evaluation of none.
    """

    running: Running
    climb: str = ""
    journal: Path
    directory: Path
    jobs: Path
    tasks: tuple[TaskSpec, ...]
    harnesses: Mapping[str, Path]
    harness_file: str = "agent.py"
    harness_class: str = "AutoAgent"
    model: str | None = None
    isolation: Isolation = "sandbox"
    environment: str = "sandbox"
    concurrency: int = 4
    pass_reward: float = 1.0
    trial_timeout_seconds: float = 1800.0
    void_retries: int = 2
    reserved_dollars_per_trial: float = 0.0
    gateway: GatewayPlan | None = None
    in_container: bool = False

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
