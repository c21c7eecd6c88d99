"""Compose files of tasks: what starts services is read, and what reaches the host is noted."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.environments.kinds import kind_of
from autoagent.workspace.tasks.building.compose import host_access, read_compose
from autoagent.workspace.tasks.inspect import TaskReport, inspect_task

MakeTask = Callable[..., TaskReport]
TOML = '[task]\nname = "local/served"\n'
COMPOSE = "environment/docker-compose.yaml"


@pytest.fixture
def task(tmp_path: Path, write_task: Callable[..., None]) -> MakeTask:
    """Inspect a task with these files; `toml` is added to its task.toml."""

    def make(
        files: dict[str, str | None], toml: str = "", environment: str = "docker"
    ) -> TaskReport:
        place = tmp_path / str(len(list(tmp_path.iterdir()))) / "tasks/served"
        write_task(place, expected="a", question="a")
        (place / "task.toml").write_text(TOML + toml)
        for name, text in files.items():
            if text is None:
                (place / name).unlink()
            else:
                (place / name).write_text(text)
        return inspect_task(place, kind_of(environment).gives)

    return make


def test_a_task_with_services_can_be_used_in_docker_and_says_where_it_runs(task: MakeTask) -> None:
    collects = '[[verifier.collect]]\ncommand = "dump"\nservice = "db"\n'
    report = task({COMPOSE: "services: {db: {image: postgres}}"}, collects)

    assert report.problems == ()
    assert report.composed == "compose"


def test_a_windows_task_can_be_used_in_docker_and_says_so(task: MakeTask) -> None:
    report = task({}, '[environment]\nos = "windows"\n')

    assert (report.problems, report.composed) == ((), "windows")


def test_a_task_of_one_container_is_not_composed(task: MakeTask) -> None:
    assert task({}).composed == ""


def test_a_service_that_nothing_starts_is_a_problem_everywhere(task: MakeTask) -> None:
    """Harbor would refuse every trial."""
    hook = '[[verifier.collect]]\ncommand = "x"\nservice = "db"\n'
    for environment in ("docker", "harbor:e2b"):
        (problem,) = task({}, hook, environment).problems
        assert problem.endswith(
            "task.toml: verifier.collect.0.service: 'db' is no service of "
            "environment/docker-compose.yaml."
        )
    artifact = '[[artifacts]]\nsource = "/x"\nservice = "cache"\n'
    (problem,) = task({COMPOSE: "services: {db: }"}, artifact).problems
    assert "artifacts.0.service: 'cache' is no service" in problem


def test_a_composed_task_without_an_image_is_a_problem(task: MakeTask) -> None:
    """Our own environment would take the base; Harbor's has none."""
    told = "environment/Dockerfile: missing; Harbor builds its service `main` from it."
    for text, problems in {
        "services: {main: {image: x}, db: {build: .}}": [f"tasks/served/{told}"],
        "services: {main: {build: ./main}}": [],
    }.items():
        files = {COMPOSE: text, "environment/Dockerfile": None}
        assert list(task(files).problems) == problems
    image = '[environment]\ndocker_image = "x"\n'
    files = {COMPOSE: "services: {db: }", "environment/Dockerfile": None}
    assert task(files, image).problems == ()


@pytest.mark.parametrize("name", ["docker-compose.yml", "compose.yaml", "compose.yml"])
def test_a_name_that_harbor_ignores_is_noted_and_starts_nothing(task: MakeTask, name: str) -> None:
    report = task({f"environment/{name}": "services: {db: {}}"}, environment="sandbox")

    assert (report.problems, report.composed) == ((), "")
    assert [f"environment/{name}: a plain file" in note for note in report.notes].count(True) == 1


def test_services_of_a_verifier_of_its_own_are_read_and_of_another_are_noted(
    task: MakeTask,
) -> None:
    files = {"tests/docker-compose.yaml": "services: {judge: {}}"}

    assert "tests/docker-compose.yaml: not read" in str(task(files).notes)
    separate = task(files, '[verifier]\nenvironment_mode = "separate"\n')
    assert separate.composed == "compose"
    assert "tests/docker-compose.yaml" not in str(separate.notes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("services: [", "is not YAML: "),
        ("\x00", "is not YAML: "),
        ("services: {a: &x {<<: *x}}", "is not YAML: "),
        ("[" * 5000, "is nested too deeply."),
        ("x: y", "starts no services"),
        ("just text", "starts no services"),
        ("include: [other.yaml]\nservices: {a: {}}", "`include`: write its services in this file"),
        ("#" * 70_000, "is larger than 64 KiB"),
    ],
)
def test_a_compose_file_that_cannot_be_read_is_a_problem(
    task: MakeTask, text: str, told: str
) -> None:
    (problem,) = task({COMPOSE: text}).problems

    assert problem.startswith(f"tasks/served/{COMPOSE}: {told}")


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("privileged: true", "privileged"),
        ("volumes: [/var/run/docker.sock:/var/run/docker.sock]", "binds /var/run/docker.sock"),
        ("volumes: [{type: bind, source: .., target: /x}]", "binds .."),
        ("volumes: ['${HOME}:/x']", "binds ${HOME}"),
        ("network_mode: host", "network_mode"),
        ("pid: ${X:-host}", "pid"),
        ("cap_add: [SYS_ADMIN]", "cap_add"),
        ("<<: {devices: [/dev/kvm]}", "devices"),
        ("extends: {service: a, file: b.yaml}", "extends a file that is not looked at"),
    ],
)
def test_what_a_service_reaches_of_the_host_is_noted(
    task: MakeTask, service: str, told: str
) -> None:
    report = task({COMPOSE: f"services:\n  main:\n    {service}\n"})

    assert report.problems == ()
    assert f"{COMPOSE}: 'main' reaches the host: {told}. There the candidate" in str(report.notes)


def test_volumes_of_the_host_and_of_others_are_noted(task: MakeTask) -> None:
    text = (
        "services: {main: {volumes: [a:/a, {type: volume, source: b, target: /b}]}}\n"
        "volumes: {a: {driver_opts: {device: /}}, b: {external: true}}\n"
        "networks: {c: {external: true}, d: }\n"
    )
    told = [line for line in task({COMPOSE: text}).notes if COMPOSE in line]

    assert [line.split(": ", 1)[1].split(":")[0] for line in told] == [
        "the volume 'a' reaches the host",
        "the network 'c' is external",
        "the volume 'b' is external",
    ]


def test_a_plain_service_is_not_noted(task: MakeTask) -> None:
    text = "services: {main: {privileged: false, volumes: ['a:/a', '/data'], cap_add: []}}"

    assert COMPOSE not in str(task({COMPOSE: text + "\nvolumes: {a: }"}).notes)


@pytest.mark.parametrize(
    "level",
    ["{{<<: [{two}], k{n}: v}}", "[{two}]"],
    ids=["merges", "lists"],
)
def test_a_file_that_repeats_itself_takes_no_more_than_its_size(level: str) -> None:
    """Thirty levels of two each: resolved, a billion."""
    lines = ["x0: &a0 {privileged: true}"]
    for n in range(1, 31):
        two = f"*a{n - 1}, *a{n - 1}"
        lines.append(f"x{n}: &a{n} " + level.format(two=two, n=n))
    text = "\n".join([*lines, "services: {main: {<<: *a30, volumes: *a30, cap_add: *a30}}"])
    started = time.monotonic()

    told = list(host_access(read_compose(text.encode())))

    assert "cap_add" in told[0]
    assert time.monotonic() - started < 5


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("<<"), inner),
    )
)
def test_whatever_a_file_holds_is_read_or_refused(content: Any) -> None:
    for text in (content, {"services": {"main": content}, "volumes": content}):
        try:
            list(host_access(read_compose(json.dumps(text).encode())))
        except ValueError as error:
            assert len(str(error)) < 300
