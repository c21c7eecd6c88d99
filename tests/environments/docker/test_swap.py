"""The swap of containers: what the candidate left is there, whatever the daemon's API."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError
from harbor.models.task.config import EnvironmentConfig, NetworkMode, NetworkPolicy
from harbor.models.trial.paths import TrialPaths

from autoagent.environments.docker import daemon as ours
from autoagent.environments.docker.environment import DockerEnvironment
from autoagent.environments.trials import trial_in_hand

pytestmark = [
    # The SDK drops the connection of an exec without closing it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]
LEAVES = """
echo new >/app/new; rm -r /opt /usr/share/doc; mkdir /usr/share/doc; ln -s /app /opt
chmod 750 /srv; chown 1234 /srv; echo kept >/data/kept; mkdir -p /tests; touch /tests/planted
"""
FINDS = """
cat /app/new /opt/new /data/kept; ls -A /usr/share/doc | wc -l; stat -c '%a %u' /srv /
ls -A /tests /logs/verifier; touch /tests/x 2>&1 | grep -o 'Read-only'
echo 1 >/logs/verifier/reward.txt
"""


def build(place: Path, base: str) -> DockerEnvironment:
    context = place / "task/environment"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text(f"FROM {base}\nWORKDIR /app\nVOLUME /data\n")
    (place / "task/tests").mkdir()
    (place / "task/tests/test.sh").write_text("#!/bin/bash\n")
    paths = TrialPaths(trial_dir=place / "trial")
    paths.mkdir()
    return DockerEnvironment(
        environment_dir=context,
        environment_name="task",
        session_id="task__swap",
        trial_paths=paths,
        task_env_config=EnvironmentConfig(),
        network_policy=NetworkPolicy(network_mode=NetworkMode.NO_NETWORK),
        state=str(place / "state"),
        evaluation=str(place / "state/evaluations/e1"),
    )


async def test_the_verifier_finds_what_the_candidate_left_and_its_own_places_fresh(
    api: str, rootfs: str, tmp_path: Path
) -> None:
    """Files, deletions, owners and the image's volumes; threats C1, C2 and C4."""
    environment = build(tmp_path, rootfs)
    await environment.start(force_build=False)
    try:
        async with environment.agent_phase():
            done = await environment.exec(LEAVES)
            assert done.return_code == 0, done.stderr
        await environment.upload_dir(tmp_path / "task/tests", "/tests")
        found = await environment.exec(FINDS)
        await environment.download_dir("/logs/verifier", tmp_path / "reward")
    finally:
        await environment.stop(delete=True)

    assert (found.stdout or "").splitlines() == [
        *["new", "new", "kept", "0", "750 1234", "755 0"],
        *["/logs/verifier:", "", "/tests:", "test.sh", "Read-only"],
    ], api
    assert (tmp_path / "reward/reward.txt").read_text() == "1\n"
    assert trial_in_hand("trial").tampered is None
    assert trial_in_hand("trial").fault is None


class Comparing:
    """The daemon's client, which compares a container when it is let, or fails to."""

    def __init__(self, client: Any, *, fails: bool) -> None:
        self._client, self._fails = client, fails
        self.asked, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def diff(self, container: str) -> Any:
        self.asked.set()
        assert self.go.wait(30)
        if self._fails:
            raise APIError("the storage is gone")
        return self._client.diff(container)


@pytest.mark.parametrize("fails", [False, True])
async def test_no_verifier_starts_before_its_trial_was_compared(
    daemon: Any, rootfs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    """Where the daemon cannot compare, nobody knows: the trial is void (rule R9)."""
    comparing = Comparing(ours.client(), fails=fails)
    monkeypatch.setattr(ours, "client", lambda: comparing)
    environment = build(tmp_path, rootfs)
    (tmp_path / "task/environment/Dockerfile").write_text(f"FROM {rootfs}\nWORKDIR /app\n")
    await environment.start(force_build=False)

    async def act() -> None:
        async with environment.agent_phase():
            await environment.exec("touch /etc/ld.so.preload")

    acting = asyncio.ensure_future(act())
    try:
        await asyncio.to_thread(comparing.asked.wait, 30)
        assert not acting.done(), "the verifier's turn has not come"
        comparing.go.set()
        await asyncio.wait({acting}, timeout=30)
        failure = acting.exception()
    finally:
        comparing.go.set()
        await environment.stop(delete=True)

    trial = trial_in_hand("trial")
    told, fault = str(trial.tampered), str(trial.fault)
    assert told.startswith("/etc/ld.so.preload was written") != fails
    assert ("the storage is gone" in fault) == fails
    assert (failure is not None) == fails
