"""A volume that a verifier's container mounts, and how files get into one."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from autoagent.environments.docker import daemon
from autoagent.environments.docker.container import Container

PREFIX = "autoagent-"


class Volume:
    """One volume of a trial's.

    Attributes:
        name: Its name, which nobody can guess.
        mounted_by: Ids of our containers that mount it.
        stage: A container that mounts it and never starts, through which files get in.
    """

    def __init__(self, labels: Mapping[str, str], options: Mapping[str, str] | None = None) -> None:
        """Create it.

        Args:
            labels: Ours.
            options: Of the daemon's `local` driver.
        """
        self.name, self.mounted_by = f"{PREFIX}{secrets.token_hex(16)}", set[str]()
        self._labels = labels
        self.stage: Container | None = None
        daemon.client().create_volume(
            self.name, driver_opts=dict(options or {}), labels=dict(labels)
        )

    def at(self, place: str, mode: str = "rw") -> str:
        """How a container mounts it; the daemon copies nothing into it that the image has there.

        It would otherwise, into an empty one, and what the image has may be the candidate's.
        """
        return f"{self.name}:{place}:{mode},nocopy"

    def open(self, image: str) -> None:
        """Get ready to be filled, by a container of this image."""
        self.stage = Container(image, self._labels, {"binds": [self.at("/volume")]})
        self.mounted_by.add(self.stage.id)

    def fill(self, source: Path, target: str) -> None:
        """Copy what is below a host directory in, once it is open; every file may be run.

        Args:
            source: The directory.
            target: Where in the volume.
        """
        assert self.stage is not None, "the volume was opened"
        self.stage.put_tree(source, f"/volume/{target.lstrip('/')}", 0o755)

    def remove(self) -> None:
        """Remove it; no container but the stage mounts it any more."""
        if self.stage is not None:
            self.stage.remove()
        daemon.client().remove_volume(self.name, force=True)
