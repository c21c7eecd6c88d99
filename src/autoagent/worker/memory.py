"""How many trials at once the memory has room for.

A trial may use its task's `memory_mb`, or the environment's bound where the task does not say;
so many of the largest as fit are safe, whichever run together. What trials use in truth may
be less, and nobody knows it before.
"""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import tomli

from autoagent.environments.providers import is_provider
from autoagent.environments.refereed import MEMORY_MB


def at_once(wanted: int, tasks: Collection[Path], environment: str) -> int:
    """As many trials as are wanted, and no more than there is room for where they run.

    Raises:
        InfrastructureFault: No Docker daemon answers, and trials run there.
    """
    memory = memory_of(environment)
    return wanted if memory is None else min(wanted, room_for(tasks, memory))


def room_for(tasks: Iterable[Path], memory_bytes: int) -> int:
    """How many trials fit into so much memory; one is always tried.

    Args:
        tasks: Directories of tasks.
        memory_bytes: What there is.
    """
    largest = max(map(_memory_mb, tasks))
    return max(1, memory_bytes // (largest * 2**20))


def memory_of(environment: str) -> int | None:
    """The memory of the machine that trials run on, or None where a provider has the machines.

    Raises:
        InfrastructureFault: No Docker daemon answers, and trials run there.
    """
    if is_provider(environment):
        return None
    if environment == "docker":
        from autoagent.environments.docker import daemon

        return int(daemon.client().info()["MemTotal"])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _memory_mb(task: Path) -> int:
    config = tomli.loads((task / "task.toml").read_text("utf-8"))
    return int(config.get("environment", {}).get("memory_mb") or MEMORY_MB)
