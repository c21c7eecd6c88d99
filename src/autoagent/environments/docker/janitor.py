"""What dead evaluations left in a Docker daemon is removed; nothing without our label ever is.

An evaluation is dead when nobody holds its lock: its worker ended, or was killed at any moment.
Images of tasks are kept for the next evaluation; only `clean` removes them. An image, a volume or
a network that a container of somebody's still uses stays, because no removal of one is forced.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from autoagent.environments.docker import daemon
from autoagent.environments.docker.daemon import EVALUATION, STATE, TASK_IMAGE
from autoagent.errors import InfrastructureFault

LOCK = "worker.lock"
TRIES = 3


def sweep(state: str, own: str) -> list[str]:
    """Remove what dead evaluations of a state directory left; what was removed.

    Args:
        state: The state directory, as it is on the labels.
        own: The caller's own evaluation: it has nothing there yet, or nothing any more.

    Raises:
        InfrastructureFault: The daemon failed or is gone.
    """

    def mine(labels: Mapping[str, str]) -> bool:
        evaluation = labels.get(EVALUATION, "")
        return labels[STATE] == state and (evaluation == own or is_dead(evaluation))

    return _remove(mine, keep_tasks=True)


def clean(state: Path) -> list[str]:
    """Remove everything of a workspace's but what running evaluations use; what was removed.

    Args:
        state: The workspace's state directory; `autoagent run` has its own below it.

    Raises:
        InfrastructureFault: The daemon failed or is gone.
    """

    def mine(labels: Mapping[str, str]) -> bool:
        return Path(labels[STATE]).is_relative_to(state) and is_dead(labels.get(EVALUATION, ""))

    return _remove(mine, keep_tasks=False)


def is_dead(evaluation: str) -> bool:
    """Whether nobody holds the lock in an evaluation's directory; "" is no evaluation's."""
    if not evaluation:
        return True
    try:
        with Path(evaluation, LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def _remove(mine: Callable[[Mapping[str, str]], bool], *, keep_tasks: bool) -> list[str]:
    try:
        return list(_removed(mine, keep_tasks=keep_tasks))
    except (DockerException, RequestException) as error:
        raise InfrastructureFault(f"The Docker daemon could not be swept: {error}.") from error


def _removed(mine: Callable[[Mapping[str, str]], bool], *, keep_tasks: bool) -> Iterator[str]:
    """Containers first: they hold the others."""
    client = daemon.client()
    ours = {"label": STATE}

    def of_ours(found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        return [each for each in found or () if mine(each["Labels"])]

    for container in of_ours(client.containers(all=True, filters=ours)):
        if _gone(client.remove_container, container["Id"], force=True, v=True):
            yield f"container {container['Id'][:12]}"
    for volume in of_ours(client.volumes(filters=ours)["Volumes"]):
        if _gone(client.remove_volume, volume["Name"]):
            yield f"volume {volume['Name']}"
    for network in of_ours(client.networks(filters=ours)):
        if _gone(client.remove_network, network["Id"]):
            yield f"network {network['Name']}"
    for image in of_ours(client.images(filters=ours)):
        tags = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
        if any(tag.startswith(f"{TASK_IMAGE}:") for tag in tags) and keep_tasks:
            continue
        for name in tags or [image["Id"]]:
            if _gone(client.remove_image, name):
                yield f"image {name}"


def _gone(remove: Callable[..., Any], name: str, **how: bool) -> bool:
    """Remove one thing; whether it was there and nobody uses it.

    A daemon on a busy machine fails to end a container in its own ten seconds: it is asked again.
    """
    for left in reversed(range(TRIES)):
        try:
            remove(name, **how)
        except APIError as error:
            if error.status_code in (403, 404, 409):  # 403: a network that somebody is in
                return False
            if not left:
                raise
        else:
            return True
    return False
