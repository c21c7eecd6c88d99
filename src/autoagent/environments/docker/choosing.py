"""Which docker environment a task gets: a container of ours, or Harbor's own by compose.

Harbor makes the environments of a job from one class. This one is never made itself: asked for
an instance it gives that of the class which can run the task, so that one task with services
leaves the others in containers of ours.
"""

from pathlib import Path
from typing import Any

from harbor.models.task.config import EnvironmentConfig, TaskOS

from autoagent.environments.docker.environment import DockerEnvironment
from autoagent.environments.refereed import RefereedEnvironment
from autoagent.workspace.tasks.building.compose import COMPOSE_FILE


class Chosen(DockerEnvironment):
    """Makes environments of other classes."""

    def __new__(cls, *args: Any, **kwargs: Any) -> RefereedEnvironment:  # pyright: ignore[reportInconsistentConstructor]
        """The environment that can run the task; Harbor names every argument."""
        scratch = kwargs.pop("scratch")
        if is_composed(kwargs["environment_dir"], kwargs["task_env_config"]):
            from autoagent.environments.docker.composed import ComposedEnvironment

            kwargs.pop("in_place", None)  # there every trial is
            return ComposedEnvironment(*args, scratch=scratch, **kwargs)
        return DockerEnvironment(*args, **kwargs)


def is_composed(environment: Path, config: EnvironmentConfig) -> bool:
    """Whether only Harbor's own environment can run what is described there."""
    return config.os == TaskOS.WINDOWS or (environment / COMPOSE_FILE).exists()
