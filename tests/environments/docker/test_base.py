"""The base image: built from the Dockerfile.base that is there, and known when that changes."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

from autoagent.commands.before.doctor import examine
from autoagent.environments.docker.images.base_image import build_base, find_base
from autoagent.errors import InfrastructureFault, WorkspaceError

from ...conftest import Bench

ROOT = Path(__file__).parents[3]
DOCKERFILE = "ARG BASE=nowhere/at-all\nFROM ${BASE}\nRUN mkdir -p /app\nWORKDIR /app\n"


@pytest.fixture
def name(daemon: Any) -> Iterator[str]:
    """A name for a base image of the test's own."""
    name = f"autoagent-test-base-{secrets.token_hex(4)}"
    yield name
    with contextlib.suppress(ImageNotFound):
        daemon.images.remove(name, force=True)


def test_a_base_is_built_from_another_image_and_is_stale_when_its_dockerfile_changes(
    tmp_path: Path, name: str, rootfs: str, daemon: Any
) -> None:
    dockerfile = tmp_path / "Dockerfile.base"
    dockerfile.write_text(DOCKERFILE)
    assert find_base(tmp_path, name).state == "missing"

    lines = list(build_base(tmp_path, rootfs, name=name))

    assert any("WORKDIR /app" in line for line in lines)
    assert daemon.images.get(name).attrs["Config"]["WorkingDir"] == "/app"
    assert find_base(tmp_path, name).state == "fresh"
    dockerfile.write_text(DOCKERFILE + "ENV MORE=1\n")
    stale = find_base(tmp_path, name)
    assert stale.state == "stale"
    assert str(dockerfile) in stale.detail


def test_a_base_may_copy_from_the_workspace(tmp_path: Path, name: str, rootfs: str) -> None:
    (tmp_path / "Dockerfile.base").write_text(DOCKERFILE + "COPY tool.txt /opt/\nRUN cat /opt/*\n")
    (tmp_path / "tool.txt").write_text("a tool of ours\n")
    (tmp_path / ".dockerignore").write_text("# not this\nsecret.txt\n")
    (tmp_path / "secret.txt").write_text("x")

    lines = list(build_base(tmp_path, rootfs, name=name))

    assert "a tool of ours" in lines


def test_a_base_is_stale_when_what_the_tasks_share_changes(
    tmp_path: Path, name: str, rootfs: str
) -> None:
    (tmp_path / "Dockerfile.base").write_text(DOCKERFILE + "COPY base/ /\nRUN /app/tool\n")
    tool = tmp_path / "base/app/tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho a tool that all tasks have\n")
    tool.chmod(0o755)

    lines = list(build_base(tmp_path, rootfs, name=name))

    assert "a tool that all tasks have" in lines
    assert find_base(tmp_path, name).state == "fresh"
    tool.chmod(0o644)
    assert find_base(tmp_path, name).state == "stale"


@pytest.mark.slow
async def test_the_repositorys_tasks_are_solved_on_the_base_that_its_dockerfile_makes(
    bench: Bench, base: str
) -> None:
    if find_base(ROOT, base).state != "fresh":
        pytest.skip(f"{base} is not that of this repository: `autoagent image build` makes it")
    spec = bench.spec(None, {}, kind="oracle", environment="docker", trial_timeout_seconds=60)
    names = ("credit-balance", "refund-unused-pack")

    trials = await bench.finish(bench.over(spec, {name: ROOT / "tasks" / name for name in names}))

    assert {name: t.outcome for name, t in trials.items()} == dict.fromkeys(names, "passed")


def test_a_base_that_cannot_be_built_says_what_the_daemon_said(
    tmp_path: Path, name: str, rootfs: str
) -> None:
    (tmp_path / "Dockerfile.base").write_text("ARG BASE=x\nFROM ${BASE}\nRUN exit 7\n")

    with pytest.raises(InfrastructureFault, match=r"Dockerfile\.base was not built: .*code: 7"):
        list(build_base(tmp_path, rootfs, name=name))


def test_a_base_without_a_label_is_told_and_not_refused(
    tmp_path: Path, rootfs: str, name: str, daemon: Any
) -> None:
    daemon.images.get(rootfs).tag(name)

    assert find_base(tmp_path, name).state == "unlabelled"


def test_a_workspace_without_a_dockerfile_is_told_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"Dockerfile\.base is not there"):
        list(build_base(tmp_path))


def test_a_machine_without_a_daemon_is_told_by_doctor(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    (workspace / "Dockerfile.base").write_text(DOCKERFILE)

    (row,) = [check for check in examine(workspace) if check.name == "docker"]

    assert row.state == "note"
    assert "No Docker daemon answers" in row.detail
    with pytest.raises(InfrastructureFault, match="No Docker daemon answers"):
        list(build_base(workspace))
