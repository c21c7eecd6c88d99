"""What a task's containers may take of their machine: memory, processes, storage, rights."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from docker.errors import APIError
from harbor.models.task.config import EnvironmentConfig

from autoagent.environments.docker.container import Container
from autoagent.environments.refereed import MEMORY_MB, PROCESSES

_storage = {"is bounded": True}
"""Whether the daemon's driver may bound it; once it said no, it is not asked again."""


def bounded(
    make: Callable[[Mapping[str, Any]], Container],
    config: EnvironmentConfig,
    more: Mapping[str, Any],
) -> Container:
    """A container in a task's bounds.

    Args:
        make: Makes it, given the arguments of the SDK's `create_host_config`.
        config: The task's.
        more: More such arguments, of its network and mounts.

    Raises:
        docker.errors.APIError: The daemon makes none.
    """
    memory = (config.memory_mb or MEMORY_MB) * 2**20
    host = {
        "init": True,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(config.cpus * 1e9) if config.cpus else None,
        "pids_limit": PROCESSES,
        "cap_drop": ["MKNOD", "NET_RAW"],
        "security_opt": ["no-new-privileges"],
        **more,
    }
    if config.storage_mb and _storage["is bounded"]:
        try:
            return make({**host, "storage_opt": {"size": f"{config.storage_mb}m"}})
        except APIError as error:
            if "storage-opt" not in str(error):
                raise
            _storage["is bounded"] = False
            logging.warning("storage_mb is not bounded by this daemon's driver: %s", error)
    return make(host)
