"""The Docker daemon: reached once a process, asked from threads of its own.

The SDK blocks, and a command in a container may block for hours; the default pool of
threads would be used up by a handful of trials. Everything that we make in it is labelled.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from autoagent.errors import InfrastructureFault

CONNECTIONS = 256
POOLED = 32
"""Connections kept for each address; the SDK makes a pool for every one, filled with places."""
ANSWER_SECONDS = 120
DEFAULT_HOST = "unix:///var/run/docker.sock"

LABEL_PREFIX = "org.autoagent."
STATE, CLIMB, EVALUATION, TRIAL = (
    f"{LABEL_PREFIX}{name}" for name in ("state", "climb", "evaluation", "trial")
)
"""Whose it is: the workspace's state directory, the climb's tag, the evaluation's directory, and
Harbor's name of the trial. What belongs to no climb or to no trial has no such label."""
BUILT_ON = f"{LABEL_PREFIX}built-on"
"""The image that a task's was built on, by the daemon's id."""
TASK_IMAGE = "autoagent-task"
"""Repository of images built from tasks; the tag is the content's digest."""

_threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="docker")


@cache
def client() -> Any:
    """The daemon that the environment variables or the default socket name.

    The SDK's own `APIClient`, which is only half typed.

    Raises:
        InfrastructureFault: None answers; says where it was looked for.
    """
    knock()
    try:
        found = docker.from_env(version="auto", timeout=ANSWER_SECONDS, max_pool_size=POOLED).api
        found.ping()
    except (DockerException, RequestException) as error:
        raise _silent(_words(error)) from error
    return found


def knock() -> None:
    """Refuse where nobody listens, before the SDK, which leaves its socket open then.

    Raises:
        InfrastructureFault: Says where, and what to do.
    """
    if why := _unheard():
        raise _silent(why)


def _unheard() -> str:
    """Why nobody listens on the daemon's socket; empty where somebody does, or it is no socket."""
    path = _host().removeprefix("unix://")
    if path == _host():
        return ""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_SECONDS)
        try:
            probe.connect(path)
        except OSError as error:
            return f"{path}: {error.strerror}"
    return ""


def _host() -> str:
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


def _silent(why: str) -> InfrastructureFault:
    return InfrastructureFault(
        f"No Docker daemon answers: {why}. Start one (`dockerd`), or give this user "
        'access to its socket, or set `environment = "sandbox"` in autoagent.toml.',
        "run `autoagent doctor`",
    )


def version() -> str:
    """The daemon's version.

    Raises:
        InfrastructureFault: None answers.
    """
    return str(_told(client().version)["Version"])


def memory_bytes() -> int:
    """The memory of the daemon's machine.

    Raises:
        InfrastructureFault: None answers.
    """
    return int(_told(client().info)["MemTotal"])


def trouble() -> str:
    """Why no trial can run; empty while the daemon answers.

    One that stopped may be back under the same name, whatever became of our connections.
    """
    why = _unheard()
    if not why:
        try:
            client().ping()
        except (DockerException, RequestException, InfrastructureFault) as error:
            why = _words(error)
    start = "start it again (`systemctl start docker`, `dockerd`)"
    return why and f"the Docker daemon at {_host()} does not answer ({why}): {start}"


async def ask[T](call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Make a call of the SDK in a thread.

    Raises:
        InfrastructureFault: The daemon failed or is gone.
        docker.errors.APIError: It refused the call.
    """

    def asked() -> T:
        return _told(call, *args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_threads, asked)


def gone(why: str) -> InfrastructureFault:
    """The daemon that answered before does not any more."""
    return InfrastructureFault(
        f"The Docker daemon at {_host()} is gone: {why}. Start it again (`systemctl start docker`, "
        "`dockerd`); what ran there is void and runs again.",
        "run `autoagent doctor`",
    )


def _told[T](call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """What a call of the SDK gives; what fails on the daemon's side is told as that."""
    try:
        return call(*args, **kwargs)
    except APIError as error:
        if error.is_client_error():
            raise
        raise InfrastructureFault(f"The Docker daemon failed: {_words(error)}") from error
    except (DockerException, RequestException) as error:
        raise gone(_words(error)) from error


def labels_for(state: str, evaluation: str, trial: str = "", climb: str = "") -> Mapping[str, str]:
    """What goes on a container, a volume or a snapshot of a trial.

    Args:
        state: The workspace's state directory.
        evaluation: The evaluation's own directory, whose lock tells whether its worker lives.
        trial: Harbor's name of the trial.
        climb: The climb's tag; `autoagent run` has none.
    """
    labels = {STATE: state, CLIMB: climb, EVALUATION: evaluation, TRIAL: trial}
    return {name: value for name, value in labels.items() if value}


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
