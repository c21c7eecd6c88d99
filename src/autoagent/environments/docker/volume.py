"""A volume that a verifier's container mounts, and how files get into one."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoagent.environments.docker import daemon
from autoagent.environments.docker.container import Container
from autoagent.environments.sandbox.beneath import Beneath

PREFIX = "autoagent-"


class Volume:
    """One volume of a trial's.

    Attributes:
        name: Its name, which nobody can guess.
        mounted_by: Ids of our containers that mount it.
    """

    def __init__(self, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        """Create it.

        Args:
            labels: Ours.
            options: Of the daemon's `local` driver.
        """
        self.name, self.mounted_by = f"{PREFIX}{secrets.token_hex(16)}", set[str]()
        self._labels = labels
        made: dict[str, Any] = daemon.client().create_volume(
            self.name, driver_opts=dict(options or {}), labels=dict(labels)
        )
        self._place = Path(made["Mountpoint"])

    def at(self, place: str, mode: str = "rw") -> str:
        """How a container mounts it; the daemon copies nothing into it that the image has there.

        It would otherwise, into an empty one, and what the image has may be the candidate's.
        """
        return f"{self.name}:{place}:{mode},nocopy"

    def fill(self, source: Path, target: str, image: str) -> None:
        """Copy what is below a host directory in; every file may be run.

        Where the volume's own directory cannot be reached, a container that never starts
        takes the files.

        Args:
            source: The directory.
            target: Where in the volume.
            image: Of that container.
        """
        if reachable(self._place):
            Beneath(self._place).write_tree(source, target, 0o755)
            return
        stage = Container(image, self._labels, {"binds": [self.at("/volume")]})
        self.mounted_by.add(stage.id)
        try:
            stage.put_tree(source, f"/volume/{target.lstrip('/')}", 0o755)
        finally:
            stage.remove()

    def remove(self) -> None:
        """Remove it; nobody mounts it any more."""
        daemon.client().remove_volume(self.name, force=True)


def reachable(place: Path) -> bool:
    """Whether a volume's directory is one of this machine's that this process may write to.

    It is named after the volume, so it is no other's.
    """
    return os.access(place, os.W_OK | os.X_OK)
