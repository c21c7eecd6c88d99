"""What tests need of a real Docker daemon; without one they are skipped, and say why."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from autoagent.environments.docker import container as containers
from autoagent.environments.docker import daemon as ours
from autoagent.environments.docker import layers
from autoagent.environments.docker import volume as volumes
from autoagent.environments.docker.labels import STATE
from autoagent.errors import InfrastructureFault


@pytest.fixture(scope="session")
def daemon() -> Iterator[Any]:
    """A client of the daemon, which holds nothing after the last test that was not there before."""
    try:
        ours.client()
    except InfrastructureFault as fault:
        pytest.skip(fault.message)
    client = docker.from_env()
    before = held(client)
    yield client
    for image in client.images.list(filters={"label": STATE}):
        if f"image {image.id}" not in before:  # a workspace keeps them, to be quick the next time
            client.images.remove(image.id, force=True)
    assert held(client) - before == set()
    client.close()


def held(client: Any) -> set[str]:
    """Everything that is there, ours or not."""
    return {
        *(f"container {each['Id']}" for each in client.api.containers(all=True)),
        *(f"image {each['Id']}" for each in client.api.images(all=True)),
        *(f"network {each['Id']}" for each in client.api.networks()),
        *(f"volume {each['Name']}" for each in client.api.volumes()["Volumes"] or ()),
    }


@pytest.fixture(scope="session")
def rootfs(daemon: Any) -> str:
    """An image of a Debian with Python, to build on; `.ci/docker` makes it."""
    name = os.environ.get("AUTOAGENT_TEST_BASE", "")
    if not name:
        pytest.skip("AUTOAGENT_TEST_BASE names no image to build on: see .ci/docker")
    daemon.images.get(name)
    return name


@pytest.fixture(scope="session")
def base(daemon: Any, rootfs: str) -> Iterator[str]:
    """`autoagent-base`, for the tests alone unless the machine has one."""
    if daemon.images.list("autoagent-base"):
        yield "autoagent-base"
        return
    daemon.images.get(rootfs).tag("autoagent-base")
    yield "autoagent-base"
    daemon.images.remove("autoagent-base", force=True)


@pytest.fixture(scope="session")
def bridge(daemon: Any) -> None:
    """The daemon has a network to give."""
    if not daemon.networks.list("bridge"):
        pytest.skip("the daemon has no bridge network: it was started with --bridge=none")


@pytest.fixture(params=["root", "archives"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How files travel: as this process may here, and as anybody's may."""
    if request.param == "archives":
        monkeypatch.setattr(containers, "root_of", lambda facts: None)  # pyright: ignore
        monkeypatch.setattr(layers, "move", lambda used, fresh: False)  # pyright: ignore
        monkeypatch.setattr(layers, "layer_of", lambda driver: None)  # pyright: ignore
        monkeypatch.setattr(volumes, "reachable", lambda place: False)  # pyright: ignore
    return request.param


@pytest.fixture
def collected() -> Iterator[None]:
    """What the SDK drops is collected, and warned of, where the warning is ignored."""
    yield
    gc.collect()
