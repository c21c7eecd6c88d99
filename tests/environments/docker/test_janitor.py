"""What is labelled and dead goes; what is alive, another workspace's or unlabelled stays."""

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from docker.errors import APIError
from typer.testing import CliRunner

from autoagent.commands.cli import app
from autoagent.environments.docker import janitor
from autoagent.environments.docker.daemon import (
    CLIMB,
    EVALUATION,
    STATE,
    TASK_IMAGE,
    TRIAL,
    labels_for,
)
from autoagent.workspace.layout import open_workspace

from .conftest import held

Bench = Any  # tests/conftest.py

BUILDS = "until [ -e /go ]; do sleep 0.1; done"
WAITS = '"cp /app/question.txt /app/answer.txt"', '"touch /app/here; sleep 600"'


@pytest.fixture
def make(daemon: Any, rootfs: str) -> Iterator[Callable[..., list[str]]]:
    """Make a running container, a volume, a network and a snapshot with these labels."""
    made: list[Callable[[], Any]] = []

    def make(labels: dict[str, str]) -> list[str]:
        container = daemon.containers.create(rootfs, ["sleep", "60"], labels=labels)
        volume = daemon.volumes.create(labels=labels)
        network = daemon.networks.create(f"autoagent-test-{container.short_id}", labels=labels)
        image = container.commit(changes=[f'LABEL {name}="{labels[name]}"' for name in labels])
        container.start()
        made.extend(
            [
                lambda: container.remove(force=True),
                lambda: volume.remove(force=True),
                network.remove,
                lambda: daemon.images.remove(image.id, force=True),
            ]
        )
        return [container.id, volume.name, network.id, image.id]

    yield make
    for remove in made:
        try:
            remove()
        except Exception as error:
            assert "404" in str(error)


def left(daemon: Any) -> set[str]:
    """Ids of everything that is there."""
    return {
        *(container.id for container in daemon.containers.list(all=True)),
        *(volume.name for volume in daemon.volumes.list()),
        *(network.id for network in daemon.networks.list()),
        *(image.id for image in daemon.images.list()),
    }


@pytest.mark.slow
def test_only_what_dead_evaluations_of_this_state_left_is_swept(
    tmp_path: Path, make: Callable[..., list[str]], daemon: Any
) -> None:
    alive, dead, own = (tmp_path / "state/evaluations" / name for name in ("e1", "e2", "e3"))
    for place in (alive, dead, own):
        place.mkdir(parents=True)
        (place / janitor.LOCK).touch()
    state = str(tmp_path / "state")
    kept = make(dict(labels_for(state, str(alive)))) + make(
        dict(labels_for(str(tmp_path / "other"), str(tmp_path / "other/e1")))
    )
    kept += make({"somebody": "else's", EVALUATION: str(dead)})
    goes = make(dict(labels_for(state, str(dead), "t1"))) + make(
        dict(labels_for(state, str(own), "t2"))
    )
    with (alive / janitor.LOCK).open() as lock, (own / janitor.LOCK).open() as mine:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.flock(mine, fcntl.LOCK_EX)

        removed = janitor.sweep(state, str(own))

    assert len(removed) == len(goes)
    assert not left(daemon) & set(goes)
    assert set(kept) <= left(daemon)


@pytest.mark.slow
def test_a_network_that_somebody_elses_container_is_in_stays(
    tmp_path: Path, rootfs: str, daemon: Any
) -> None:
    """Its removal is refused, and that keeps no worker from starting."""
    labels = dict(labels_for(str(tmp_path), str(tmp_path / "e1")))
    network = daemon.networks.create("autoagent-test-shared", labels=labels)
    other = daemon.containers.run(rootfs, ["sleep", "60"], detach=True, network=network.name)
    try:
        assert janitor.sweep(str(tmp_path), "") == []
        assert network.id in left(daemon)
    finally:
        other.remove(force=True)
        assert janitor.sweep(str(tmp_path), "") == ["network autoagent-test-shared"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["building", "acting", "die", "create", "verifying"])
async def test_a_worker_that_is_killed_leaves_nothing_once_the_next_one_started(
    bench: Bench,
    harness_source: str,
    daemon: Any,
    base: str,
    moment: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kill -9; while the candidate acts also in the next one: each finds what was left.

    `die` and the second `create` are the daemon's events: the swap has begun, the container is
    made by which tests go into their volume. `building` is by the old builder, as where the docker
    command has no plugin: BuildKit's steps are no containers.
    """
    harness = harness_source.replace(*WAITS) if moment == "acting" else harness_source
    spec = bench.spec(
        harness, {"t1": "a"}, environment="docker", trial_timeout_seconds=60, climb="night"
    )
    (task,) = spec.tasks
    if moment == "building":
        dockerfile = task.path / "environment/Dockerfile"
        dockerfile.write_text(f"{dockerfile.read_text()}RUN touch /first\nRUN {BUILDS}\n")
        (tmp_path / "docker").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    if moment in ("die", "create", "verifying"):  # it does not end by itself meanwhile
        (task.path / "tests/test.sh").write_text("#!/bin/bash\ntouch /app/here\nsleep 600\n")
    mine = {"label": f"{EVALUATION}={spec.directory}"}
    everything = held(daemon)

    left: set[str] = set()

    def happens() -> bool:
        if moment == "building":
            return any(each.id not in left for each in building(daemon))
        found = daemon.containers.list(filters=mine, ignore_removed=True)
        return any(each.id not in left and is_here(each) for each in found)

    for _ in range(2 if moment == "acting" else 1):
        events = daemon.events(decode=True, filters={**mine, "event": ["die", "create"]})
        bench.engine.start(spec)
        if moment in ("die", "create"):
            with anyio.fail_after(60):
                await to_thread.run_sync(until_event, events, moment, abandon_on_cancel=True)
        else:
            await bench.until(happens, 60)
        now = {each["Id"] for each in daemon.api.containers(all=True, filters=mine)}
        now |= {each.id for each in building(daemon)}
        os.killpg(int((spec.directory / "worker.pid").read_text()), signal.SIGKILL)
        await bench.until(lambda: not bench.engine.alive(spec.id))
        events.close()
        for labels in labels_of(daemon, str(bench.directory)):
            assert {STATE, CLIMB, EVALUATION, TRIAL} <= labels.keys() and labels[CLIMB] == "night"
        assert now and not left & now, "what the one before left is gone"
        left = now
    late = spec.model_copy(update={"running": spec.running.model_copy(update={"deadline": 0.0})})
    again = spec if moment == "building" else late

    bench.engine.start(again)
    if moment == "building":  # the daemon's cache has the layers of the build that was killed
        await bench.until(happens, 60)
        building(daemon)[0].exec_run("touch /go")
    await bench.until(lambda: not bench.engine.alive(spec.id), 60)

    new = held(daemon) - everything
    assert [each for each in new if not each.startswith("image ")] == []
    if moment == "building":
        assert bench.trials(spec.id)["t1"].outcome == "passed"
    else:
        assert "which a dead worker left" in bench.log()
    ours = {"label": f"{STATE}={bench.directory}"}
    (image,) = daemon.images.list(filters=ours)
    assert image.tags[0].startswith("autoagent-task:"), "it is kept for the next evaluation"
    janitor.clean(bench.directory)
    assert held(daemon) - everything == set()


def building(daemon: Any) -> list[Any]:
    """The container of the build, which is the daemon's and bears no label."""
    found = daemon.containers.list(ignore_removed=True)
    return [each for each in found if BUILDS in str(each.attrs["Config"]["Cmd"])]


def labels_of(daemon: Any, state: str) -> list[dict[str, str]]:
    """The labels of everything of a state directory's that belongs to a trial."""
    ours = {"label": f"{STATE}={state}"}
    found = [
        *daemon.api.containers(all=True, filters=ours),
        *(daemon.api.volumes(filters=ours)["Volumes"] or ()),
        *(image for image in daemon.api.images(filters=ours) if not is_tasks(image)),
    ]
    return [each["Labels"] for each in found]


def is_tasks(image: dict[str, Any]) -> bool:
    return str((image["RepoTags"] or [""])[0]).startswith(f"{TASK_IMAGE}:")


def is_here(container: Any) -> bool:
    """Whether the file is there that tells where a trial is."""
    try:
        return container.exec_run("test -e /app/here").exit_code == 0
    except APIError:  # it is not running yet, or any more
        return False


def until_event(events: Any, action: str) -> None:
    """Read the daemon's events up to one; a trial's first `create` is its candidate's."""
    seen = (event for event in events if event["Action"] == action)
    assert all(next(seen, None) for _ in range(2 if action == "create" else 1))


def run_clean(workspace: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["clean", "--workspace", str(workspace)])
    return done.exit_code, done.output


def test_clean_prints_what_it_removed_and_keeps_other_workspaces(
    workspace: Path, make: Callable[..., list[str]], daemon: Any
) -> None:
    state = open_workspace(workspace).state
    goes = make(dict(labels_for(str(state / "runs/1"), str(state / "runs/1/evaluations/run1"))))
    kept = make(dict(labels_for(f"{state}-other", "/nowhere")))

    code, printed = run_clean(workspace)

    assert code == 0
    assert printed.splitlines()[0] == f"removed  container {goes[0][:12]}"
    assert printed.endswith("4 removed.\n")
    assert not left(daemon) & set(goes)
    assert set(kept) <= left(daemon)
    assert run_clean(workspace) == (0, "Nothing was there.\n")


def test_an_evaluation_whose_directory_is_gone_is_dead(tmp_path: Path) -> None:
    assert janitor.is_dead(str(tmp_path / "none"))
    assert STATE != EVALUATION
