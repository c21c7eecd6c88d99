"""Tasks with services, in Harbor's docker environment: beside others, and gone without trace."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from autoagent.environments.docker import janitor
from autoagent.environments.docker.daemon import EVALUATION
from autoagent.environments.docker.images import plugin
from autoagent.errors import InfrastructureFault

from ...acting import acting

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py

SERVICES = """\
x-ours: &ours
  networks: [inside]
services:
  main:
    <<: *ours
    depends_on: [answers]
  answers:
    <<: *ours
    build: ./answers
    command: [python3, -m, http.server, "8000", --directory, /srv]
    stop_grace_period: 1m
    volumes: [kept:/kept]
networks:
  inside:
volumes:
  kept:
"""
COLLECTS = 'artifacts = [{ source = "/srv/collected", service = "answers" }]'
HOOK = """
[[verifier.collect]]
command = "cp /srv/answer /srv/collected"
service = "answers"
"""
WAITS = '"cp /app/question.txt /app/answer.txt"', '"touch /app/here; sleep 600"'


@pytest.fixture(scope="session")
def compose(daemon: Any) -> None:
    """`docker compose`, which `.ci/docker` installs where it is missing."""
    try:
        plugin.require({"the tests' task": "compose"})
    except InfrastructureFault as fault:
        pytest.skip(fault.message)


def composed_task(place: Path, write_task: Any) -> None:
    """A task whose answer only its service knows."""
    write_task(place, expected="of the service", question="of the service")
    toml = (place / "task.toml").read_text().replace('"no-network"', '"public"')
    (place / "task.toml").write_text(f"{COLLECTS}\n{toml}\n{HOOK}")
    (place / "environment/question.txt").write_text("not this\n")
    (place / "environment/docker-compose.yaml").write_text(SERVICES)
    (place / "environment/answers").mkdir()
    (place / "environment/answers/Dockerfile").write_text(
        "FROM autoagent-base\nRUN mkdir -p /srv && echo of the service >/srv/answer\n"
    )


def there(daemon: Any) -> set[str]:
    """What the daemon holds, by name; an image by its id too, which outlives its name."""
    return {
        *(container.name for container in daemon.containers.list(all=True)),
        *(volume.name for volume in daemon.volumes.list()),
        *(network.name for network in daemon.networks.list()),
        *(name for image in daemon.images.list() for name in (image.id, *image.tags)),
    }


@pytest.mark.attack(
    "B2.6",
    ending="no effect",
    what="in a task with services: leaves links in its log directories for the host to follow",
)
async def test_a_task_with_services_runs_beside_one_without_and_leaves_nothing(
    bench: Bench, write_task: Any, daemon: Any, base: str, compose: None
) -> None:
    """Its service would be given a minute to stop, and main ten seconds: both end at once."""
    composed_task(bench.directory / "tasks/served", write_task)
    before = there(daemon)
    spec = bench.spec(
        acting("asks_a_service"),
        {"served": "", "plain": "a"},
        environment="docker",
        trial_timeout_seconds=60,
    )

    trials = await bench.finish(spec, 120)

    outcomes = {name: (trial.outcome, trial.in_place) for name, trial in trials.items()}
    assert outcomes == {"served": ("passed", True), "plain": ("passed", False)}, bench.log()
    assert trials["served"].seconds < 60
    (collected,) = bench.trial_directory(trials["served"]).rglob("collected")
    assert collected.read_text() == "of the service\n"
    planted = [path for path in bench.trial_directory(trials["served"]).rglob("link")]
    assert planted == [], "no link of the candidate's reaches the host"
    kept = janitor.clean(bench.directory)
    assert [line.split(":")[0] for line in kept] == ["image autoagent-task"]
    assert there(daemon) <= before


async def test_a_worker_that_is_killed_leaves_no_service_once_the_next_one_started(
    bench: Bench, harness_source: str, write_task: Any, daemon: Any, base: str, compose: None
) -> None:
    """Kill -9 while the candidate acts: containers, networks, volumes and images are swept."""
    composed_task(bench.directory / "tasks/served", write_task)
    before = there(daemon)
    spec = bench.spec(
        harness_source.replace(*WAITS), {"served": ""}, environment="docker",
        trial_timeout_seconds=60,
    )  # fmt: skip
    mine = {"label": f"{EVALUATION}={spec.directory}"}

    def acting() -> bool:
        found = daemon.containers.list(filters=mine, ignore_removed=True)
        return any(each.exec_run("test -e /app/here").exit_code == 0 for each in found)

    bench.engine.start(spec)
    await bench.until(acting, 60)
    os.killpg(int((spec.directory / "worker.pid").read_text()), signal.SIGKILL)
    await bench.until(lambda: not bench.engine.alive(spec.id))
    orphans = there(daemon) - before
    kinds = {"main-1", "answers-1", "inside", "kept", "main:latest", "answers:latest"}
    assert {name.split("__env")[-1][1:] for name in orphans if "__env" in name} == kinds
    late = spec.model_copy(update={"running": spec.running.model_copy(update={"deadline": 0.0})})

    bench.engine.start(late)
    await bench.until(lambda: not bench.engine.alive(spec.id), 60)

    assert there(daemon) <= before
