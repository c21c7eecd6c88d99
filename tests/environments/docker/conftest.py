"""What tests need of a real Docker daemon; without one they are skipped, and say why."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from autoagent.environments.docker import daemon as ours
from autoagent.environments.docker.daemon import STATE
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


class Newer:
    """The daemon's client, whose answers are what API 1.52 has left of them.

    A containerd image store has no `GraphDriver`, and what is empty in an image's
    configuration is omitted (Docker Engine 29, API version history).
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def inspect_container(self, container: str) -> dict[str, Any]:
        facts = self._client.inspect_container(container)
        return {name: told for name, told in facts.items() if name != "GraphDriver"}

    def inspect_image(self, image: str) -> dict[str, Any]:
        facts = self._client.inspect_image(image)
        config = {name: told for name, told in facts["Config"].items() if told}
        return {name: told for name, told in facts.items() if name != "GraphDriver"} | {
            "Config": config
        }


@pytest.fixture(params=["as it is", "1.52"])
def api(daemon: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The daemon's answers: as they are here, and as those of the API's version."""
    if request.param == "1.52":
        newer = Newer(ours.client())
        monkeypatch.setattr(ours, "client", lambda: newer)
    return request.param


@pytest.fixture
def collected() -> Iterator[None]:
    """What the SDK drops is collected, and warned of, where the warning is ignored."""
    yield
    gc.collect()
