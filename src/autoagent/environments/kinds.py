"""The kinds of environment, one object each: whatever asks which it is asks here.

A kind says whether this machine can run it, what its workers read and sweep, how much memory there
is for trials, what tasks may need of it, and how Harbor makes one. It imports neither Harbor nor a
daemon's SDK before it is asked for what needs them: the server's process has neither.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, override

from autoagent.environments import harbor_types
from autoagent.environments.sandbox import bubblewrap
from autoagent.errors import InfrastructureFault
from autoagent.workspace.tasks.problem import Given


class EvaluationFacts(NamedTuple):
    """What environments are told of the evaluation whose trials run in them.

    Attributes:
        scratch: A directory that exists only while its worker runs.
        images: Root directories of tasks, kept for every evaluation of the workspace.
        state: The workspace's state directory.
        directory: The evaluation's own.
        climb: The climb's tag, or "".
        in_place: Directories of tasks that are verified where the candidate acted.
        as_left: Directories of tasks whose verifier starts with what the candidate left at home.
        in_container: A part of the harness runs in the environment.
    """

    scratch: Path
    images: Path
    state: Path
    directory: Path
    climb: str
    in_place: Sequence[Path]
    as_left: Sequence[Path]
    in_container: bool


class EnvironmentKind:
    """What every kind answers; where nothing else is said, tasks run on somebody's machine."""

    gives: ClassVar[Given] = frozenset()
    """What its tasks can have."""
    uses_daemon: ClassVar[bool] = False
    """Its containers are a Docker daemon's, which has to have the tasks' base image."""

    def __init__(self, name: str) -> None:
        """Its name is what `benchmark.environment` says."""
        self.name = name

    def check(self, *, unsandboxed: bool) -> None:
        """Refuse what this machine cannot run, or may not.

        Args:
            unsandboxed: The harness's process gets no sandbox (`isolation = "process"`).

        Raises:
            InfrastructureFault: Says why and what to change.
        """
        self.check_harness(unsandboxed=unsandboxed)
        if not unsandboxed:
            bubblewrap.require()

    def check_harness(self, *, unsandboxed: bool) -> None:
        """Refuse a harness without a sandbox where its tasks are on the same machine as it is.

        Raises:
            InfrastructureFault: Names the setting, and what to do.
        """

    def check_tasks(self, composed: Mapping[str, str]) -> None:
        """Refuse tasks that start services or need Windows, where those cannot be had.

        Args:
            composed: Such tasks by name, and why: "compose" or "windows".

        Raises:
            InfrastructureFault: Names the tasks, what is missing, and what to do.
        """

    def tasks_told(self, composed: Mapping[str, str]) -> str:
        """What doctor says of such tasks, once they were checked; "" is nothing."""
        return ""

    def worker_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        """What its workers read of the server's environment: credentials, or which daemon."""
        return {}

    def in_place(self, asked: Sequence[str]) -> tuple[str, ...]:
        """Patterns of tasks whose verifiers run beside what the candidate left running.

        Args:
            asked: Those that autoagent.toml names.
        """
        return ()

    def memory_bytes(self) -> int | None:
        """The memory of the machine that trials run on, or None where others have the machines.

        Raises:
            InfrastructureFault: Nobody there answers.
        """
        return None

    def trouble(self) -> str:
        """Why no trial can run there at the moment, which may pass by itself; "" where one can."""
        return ""

    def harbor_class(self, facts: EvaluationFacts) -> tuple[str, dict[str, Any]]:
        """The import path of its class, and what that is told besides Harbor's own arguments."""
        raise NotImplementedError

    def sweep(self, state: Path, own: Path) -> list[str]:
        """Remove what dead workers left outside of this machine's files; what was removed.

        Args:
            state: The workspace's state directory.
            own: The caller's own evaluation's, which has nothing there.

        Raises:
            InfrastructureFault: Nobody there answers.
        """
        return []


class Sandbox(EnvironmentKind):
    """Bubblewrap on this machine."""

    gives = frozenset({"steps"})

    @override
    def check_harness(self, *, unsandboxed: bool) -> None:
        if unsandboxed:
            raise InfrastructureFault(
                'isolation = "process" takes the harness out of its sandbox, which is allowed only '
                'where tasks run in containers or at a provider: set `environment = "docker"` '
                "below [benchmark] in autoagent.toml, or take `isolation` out of it.",
                "run `autoagent doctor`",
            )

    @override
    def memory_bytes(self) -> int:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    @override
    def harbor_class(self, facts: EvaluationFacts) -> tuple[str, dict[str, Any]]:
        return "autoagent.environments.sandbox.sandbox:SandboxEnvironment", {
            "images": str(facts.images),
            "scratch": str(facts.scratch),
            "in_container": facts.in_container,
            "as_left": [str(task) for task in facts.as_left],
        }


class Docker(EnvironmentKind):
    """Containers of a Docker daemon's."""

    gives = frozenset({"containers"})
    uses_daemon = True
    variables = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG")
    """What says which daemon is meant: a worker must mean the one that its server asked."""

    @override
    def check(self, *, unsandboxed: bool) -> None:
        from autoagent.environments.docker import daemon

        super().check(unsandboxed=unsandboxed)
        daemon.version()

    @override
    def check_tasks(self, composed: Mapping[str, str]) -> None:
        if composed:
            from autoagent.environments.docker.images import plugin

            plugin.require(composed)

    @override
    def tasks_told(self, composed: Mapping[str, str]) -> str:
        from autoagent.environments.docker.images import plugin

        count = f"{len(composed)} task{'s' if len(composed) > 1 else ''}"
        kinds = ", ".join(sorted(set(composed.values())))
        named = plugin.named(composed)
        return f"{count} in Harbor's own docker environment ({kinds}): {named}; verified in place"

    @override
    def worker_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {name: variables[name] for name in self.variables if name in variables}

    @override
    def in_place(self, asked: Sequence[str]) -> tuple[str, ...]:
        return tuple(asked)

    @override
    def trouble(self) -> str:
        from autoagent.environments.docker import daemon

        return daemon.trouble()

    @override
    def memory_bytes(self) -> int:
        from autoagent.environments.docker import daemon

        return daemon.memory_bytes()

    @override
    def harbor_class(self, facts: EvaluationFacts) -> tuple[str, dict[str, Any]]:
        return "autoagent.environments.docker.choosing:Chosen", {
            "scratch": str(facts.scratch),
            "state": str(facts.state),
            "evaluation": str(facts.directory),
            "climb": facts.climb,
            "in_place": [str(task) for task in facts.in_place],
            "as_left": [str(task) for task in facts.as_left],
        }

    @override
    def sweep(self, state: Path, own: Path) -> list[str]:
        from autoagent.environments.docker import janitor

        return janitor.sweep(str(state), str(own))


class Provider(EnvironmentKind):
    """An environment of Harbor's own, on machines of others; or a class of the user's."""

    gives = frozenset({"containers", "provider"})

    @override
    def check(self, *, unsandboxed: bool) -> None:
        super().check(unsandboxed=unsandboxed)
        harbor_types.require(self.name)

    @override
    def worker_variables(self, variables: Mapping[str, str]) -> dict[str, str]:
        return harbor_types.credentials(self.name, variables)

    @override
    def in_place(self, asked: Sequence[str]) -> tuple[str, ...]:
        return ("*",)

    @override
    def harbor_class(self, facts: EvaluationFacts) -> tuple[str, dict[str, Any]]:
        return "autoagent.environments.harbor:ProviderEnvironment", {
            "kind": self.name,
            "scratch": str(facts.scratch),
            "as_left": [str(task) for task in facts.as_left],
        }


def kind_of(environment: str) -> EnvironmentKind:
    """The kind that `benchmark.environment` names."""
    kinds = {"sandbox": Sandbox, "docker": Docker}
    return kinds.get(environment, Provider)(environment)
