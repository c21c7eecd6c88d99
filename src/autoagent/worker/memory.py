"""How many trials at once the memory has room for.

A trial may use its task's `memory_mb`, or the environment's bound where the task does not say;
so many of the largest as fit are safe, whichever run together. What trials use in truth may
be less, and nobody knows it before.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

import tomli

from autoagent.environments.kinds import kind_of
from autoagent.environments.refereed import MEMORY_MB


def capacity(wanted: int, tasks: Collection[Path], environment: str) -> int:
    """As many trials as are wanted, and no more than there is room for where they run.

    Raises:
        InfrastructureFault: Nobody answers where trials run.
    """
    memory = kind_of(environment).memory_bytes()
    return wanted if memory is None else min(wanted, room_for(tasks, memory))


def room_for(tasks: Iterable[Path], memory_bytes: int) -> int:
    """How many trials fit into so much memory; one is always tried.

    Args:
        tasks: Directories of tasks.
        memory_bytes: What there is.
    """
    largest = max(map(_memory_mb, tasks))
    return max(1, memory_bytes // (largest * 2**20))


def _memory_mb(task: Path) -> int:
    config = tomli.loads((task / "task.toml").read_text("utf-8"))
    return int(config.get("environment", {}).get("memory_mb") or MEMORY_MB)
