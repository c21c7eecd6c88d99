"""Tasks that Harbor's own docker environment runs: chosen by the task, overlaid, refused in time.

No daemon is asked here; tests/environments/docker starts them for real.
"""

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from harbor.models.task.config import EnvironmentConfig, TaskOS
from harbor.models.trial.paths import TrialPaths

from autoagent.commands.before.doctor import examine
from autoagent.commands.before.rows import Check
from autoagent.environments.docker import daemon
from autoagent.environments.docker.choosing import Chosen
from autoagent.environments.docker.composed import ComposedEnvironment, overlay
from autoagent.environments.docker.environment import DockerEnvironment
from autoagent.environments.docker.images import plugin
from autoagent.errors import InfrastructureFault
from autoagent.referee.referee import Referee
from autoagent.worker.detached import DetachedEngine
from autoagent.workspace.tasks.building.compose import read_compose

from ..conftest import git

MakeWorkspace = Callable[..., Path]
LABELS = {"org.autoagent.state": "/home/u$r", "org.autoagent.evaluation": "/e"}
DOCKER = '[benchmark]\nenvironment = "docker"\n'


def make(place: Path, config: EnvironmentConfig | None = None, **more: Any) -> Any:
    """What Harbor would make for an agent's environment, by the same arguments."""
    (place / "environment").mkdir(parents=True, exist_ok=True)
    (place / "environment/Dockerfile").write_text("FROM autoagent-base\n")
    source = place / "trial/agent"
    source.mkdir(parents=True)
    return Chosen(
        environment_dir=place / "environment",
        environment_name="served",
        session_id="served__1__env",
        trial_paths=TrialPaths(trial_dir=place / "trial"),
        task_env_config=config or EnvironmentConfig(),
        mounts=[{"type": "bind", "source": str(source), "target": "/logs/agent"}],
        state="/state",
        evaluation="/evaluation",
        scratch=str(place / "scratch"),
        **more,
    )


def test_a_compose_file_and_windows_choose_harbors_environment_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    assert type(make(tmp_path / "plain")) is DockerEnvironment
    (tmp_path / "served/environment").mkdir(parents=True)
    (tmp_path / "served/environment/docker-compose.yaml").write_text("services: {main: }")
    assert type(make(tmp_path / "served")) is ComposedEnvironment
    windows = EnvironmentConfig(os=TaskOS.WINDOWS)
    assert type(make(tmp_path / "windows", windows)) is ComposedEnvironment


def test_no_directory_of_the_trials_is_mounted_where_the_candidate_acts(tmp_path: Path) -> None:
    """A link in the place of the traceback's file would steer what the worker writes."""
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment/docker-compose.yaml").write_text("services: {main: }")
    environment = make(tmp_path)

    (mount,) = environment._mounts
    assert environment.capabilities.mounted is False
    assert mount["target"] == "/logs/agent"
    assert mount["source"] == str(tmp_path / "scratch/mounts/served__1__env/logs-agent")


def test_every_service_ends_at_once_without_new_rights_and_everything_carries_our_labels() -> None:
    compose = read_compose(
        b"services: {main: , db: {image: postgres}, api: {build: ., stop_grace_period: 1m}}\n"
        b"networks: {inside: , theirs: {external: true}}\nvolumes: {kept: , old: {external: true}}"
    )
    made = overlay(compose, LABELS, ["filter"], builds_main=True)

    marks = {"org.autoagent.state": "/home/u$$r", "org.autoagent.evaluation": "/e"}
    rights = ["no-new-privileges:true"]
    plain = {"stop_grace_period": "0s", "labels": marks, "security_opt": rights}
    built = {**plain, "build": {"labels": marks}}
    assert made == {
        "services": {"main": built, "db": plain, "api": built, "filter": plain},
        "networks": {"default": {"labels": marks}, "inside": {"labels": marks}},
        "volumes": {"kept": {"labels": marks}},
    }
    assert "build" not in overlay(compose, LABELS, builds_main=False)["services"]["main"]


def test_a_default_network_of_somebody_elses_is_left_alone() -> None:
    compose = read_compose(b"services: {a: }\nnetworks: {default: {external: true, name: x}}")

    assert overlay(compose, LABELS, builds_main=True)["networks"] == {}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A `docker` on the PATH that does as the script says, over a Linux daemon that answers."""

    def behave(script: str) -> None:
        program = tmp_path / "bin/docker"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    class Linux:
        def info(self) -> dict[str, str]:
            return {"OSType": "linux"}

        def version(self) -> dict[str, str]:
            return {"Version": "29.0"}

    monkeypatch.setattr(daemon, "client", Linux)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    yield behave


WITH = "echo Docker Compose version v2.40.3"
WITHOUT = "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (WITHOUT, "docker: 'compose' is not a docker command."),
        ("echo docker-compose version 1.29.2", "it says 'docker-compose version 1.29.2'"),
        ("echo", "it says ''"),
    ],
)
def test_a_machine_without_compose_is_refused_with_the_tasks_names(
    docker: Callable[[str], None], script: str, why: str, tmp_path: Path
) -> None:
    docker(script)
    with pytest.raises(InfrastructureFault) as refused:
        DetachedEngine(tmp_path).check_tasks("docker", {"a": "compose", "b": "compose"})

    assert refused.value.message == (
        f"a, b: needs `docker compose`, which does not work here: {why}."
    )
    assert "compose plugin, version 2" in str(refused.value.next_call)


def test_a_machine_with_compose_is_well_and_is_asked_only_where_a_task_needs_it(
    docker: Callable[[str], None], tmp_path: Path
) -> None:
    docker(f"echo >>{tmp_path}/asked; echo Docker Compose version v2.40.3")
    engine = DetachedEngine(tmp_path)

    engine.check_tasks("docker", {})
    engine.check_tasks("sandbox", {"a": "compose"})
    assert not (tmp_path / "asked").exists()
    engine.check_tasks("docker", {"a": "compose"})
    assert (tmp_path / "asked").exists()


def test_a_windows_task_is_refused_by_name_over_a_linux_daemon(
    docker: Callable[[str], None], tmp_path: Path
) -> None:
    docker(WITH)
    with pytest.raises(InfrastructureFault, match=r'^w: os = "windows"\. This daemon runs linux'):
        DetachedEngine(tmp_path).check_tasks("docker", {"w": "windows", "c": "compose"})


def test_of_many_tasks_the_first_ten_are_named() -> None:
    assert plugin.named([str(n) for n in range(12)]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"


def serve(root: Path, *names: str) -> None:
    """Give tasks a compose file, and commit it."""
    for name in names:
        (root / "tasks" / name / "environment/docker-compose.yaml").write_text("services: {db: }")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "services")


def row(root: Path, name: str) -> Check | None:
    return next((check for check in examine(root) if check.name == name), None)


def test_doctor_names_the_tasks_and_says_when_compose_is_missing(
    docker: Callable[[str], None], make_workspace: MakeWorkspace
) -> None:
    root = make_workspace(config=DOCKER)
    assert row(root, "composed tasks") is None
    serve(root, "t1", "t3")

    docker(WITH)
    told = row(root, "composed tasks")
    docker(WITHOUT)
    missing = row(root, "composed tasks")

    assert told is not None and missing is not None
    assert (told.state, told.detail) == (
        "note",
        "2 tasks in Harbor's own docker environment (compose): t1, t3; verified in place",
    )
    assert missing.state == "fail"
    assert missing.detail.startswith("t1, t3: needs `docker compose`")
    assert missing.fix


def test_a_climb_with_such_a_task_is_refused_before_it_starts(
    docker: Callable[[str], None], make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A held-out task is not named: the refusal is the meta-agent's to read."""
    root = make_workspace(config=f'{DOCKER}\n[holdout]\ntasks = ["t4"]\n')
    serve(root, "t1", "t4")
    docker(WITHOUT)
    monkeypatch.setattr(daemon, "version", lambda: "20.10")
    referee = Referee.open(root)
    try:
        with pytest.raises(InfrastructureFault) as refused:
            referee.start_climb("night")
        phase = referee.position.phase
    finally:
        referee.close()
    assert refused.value.message.startswith("t1, a held-out task: needs `docker compose`")
    assert phase == "new"


def test_the_overlay_is_of_the_trials_own_and_in_the_scratch_directory(tmp_path: Path) -> None:
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment/docker-compose.yaml").write_text("services: {main: }")

    (path,) = make(tmp_path).extra_docker_compose_paths

    assert path == tmp_path / "scratch/compose/served__1__env.json"
    assert json.loads(path.read_text()) == {"services": {}}
