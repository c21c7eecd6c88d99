"""Tasks with services, in Harbor's own docker environment: composed, labelled, ended at once.

Harbor starts a task's compose file together with overlays of ours: every service stops without
a period of grace, and services, images, networks and volumes carry our labels, so that what a
killed worker left is found. Trials are verified in place, as on any provider.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, override

from harbor.constants import MAIN_SERVICE_NAME
from harbor.environments.definition import should_use_prebuilt_docker_image
from harbor.environments.docker import COMPOSE_EGRESS_CONTROL_PATH
from harbor.environments.docker.docker import DockerEnvironment as HarborsDocker

from autoagent.environments.docker import daemon
from autoagent.environments.docker.daemon import labels_for
from autoagent.environments.docker.verifying.watching import Watch, watch_of
from autoagent.environments.harbor import Refereed
from autoagent.errors import InfrastructureFault
from autoagent.workspace.tasks.building.compose import (
    COMPOSE_FILE,
    Compose,
    is_external,
    read_compose,
)

NOTHING = Compose({}, {}, {})


class ComposedEnvironment(Refereed, HarborsDocker):
    """One trial's composed containers."""

    def __init__(
        self,
        *args: Any,
        state: str,
        evaluation: str,
        scratch: str,
        climb: str = "",
        **kwargs: Any,
    ) -> None:
        """Describe the environment.

        Args:
            args: Harbor's.
            state: The workspace's state directory.
            evaluation: The evaluation's own directory.
            scratch: The evaluation's scratch directory.
            climb: The climb's tag, if it is of one.
            kwargs: Harbor's.
        """
        self._overlay = Path(scratch, "compose", f"{kwargs['session_id']}.json")
        self._overlay.parent.mkdir(parents=True, exist_ok=True)
        self._overlay.write_text('{"services": {}}')
        kwargs["extra_docker_compose"] = [self._overlay]
        super().__init__(*args, scratch=scratch, **kwargs)
        self._labels = labels_for(state, evaluation, self.trial_paths.trial_dir.name, climb)
        self._evaluation = evaluation
        self._watch: Watch | None = None

    @override
    async def start(self, force_build: bool) -> None:
        """Write the overlay, now that it is known what Harbor adds, and start everything."""
        file = self.environment_dir / COMPOSE_FILE
        compose = read_compose(file.read_bytes()) if file.exists() else NOTHING
        added: list[str] = []
        if self.capabilities.disable_internet:  # then a container of Harbor's own filters
            added = [*read_compose(COMPOSE_EGRESS_CONTROL_PATH.read_bytes()).services]
        prebuilt = should_use_prebuilt_docker_image(
            self.environment_dir,
            docker_image=self.task_env_config.docker_image,
            force_build=force_build,
        )
        made = overlay(compose, self._labels, added, builds_main=not prebuilt)
        self._overlay.write_text(json.dumps(made, indent=1))
        self._watch = await daemon.ask(watch_of, self._evaluation)
        await super().start(force_build)

    @override
    async def stop(self, delete: bool) -> None:
        """End everything; a trial whose daemon went away is void, whatever `docker` said of it."""
        try:
            if self._watch is not None:
                self._watch.require()
        except InfrastructureFault as fault:
            self.in_hand.fault = fault.message
        await super().stop(delete)


def overlay(
    compose: Compose, labels: Mapping[str, str], added: Sequence[str] = (), *, builds_main: bool
) -> dict[str, Any]:
    """What a compose file gets of us.

    Args:
        compose: The task's own file.
        labels: Ours.
        added: Services that Harbor adds to it.
        builds_main: Whether Harbor builds the image of its own service.
    """
    marks = {name: value.replace("$", "$$") for name, value in labels.items()}
    builds = {name for name, service in compose.services.items() if "build" in service}
    services: dict[str, Any] = {}
    for name in {MAIN_SERVICE_NAME: None} | dict.fromkeys([*compose.services, *added]):
        services[name] = {
            "stop_grace_period": "0s",
            "labels": marks,
            "security_opt": ["no-new-privileges:true"],
        }
        if name in builds or (name == MAIN_SERVICE_NAME and builds_main):
            services[name]["build"] = {"labels": marks}
    networks: dict[str, Mapping[str, Any]] = {"default": {}, **compose.networks}
    return {
        "services": services,
        "networks": _marked(networks, marks),
        "volumes": _marked(compose.volumes, marks),
    }


def _marked(tables: Mapping[str, Mapping[str, Any]], marks: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"labels": marks} for name, table in tables.items() if not is_external(table)}
