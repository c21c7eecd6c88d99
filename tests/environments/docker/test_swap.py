"""The swap of containers: what the candidate left is there, by rename or by snapshot."""

from pathlib import Path
from typing import Any

import pytest
from harbor.models.task.config import EnvironmentConfig, NetworkMode, NetworkPolicy
from harbor.models.trial.paths import TrialPaths

from autoagent.environments import refereed
from autoagent.environments.docker.container import Container
from autoagent.environments.docker.environment import DockerEnvironment
from autoagent.environments.docker.labels import labels_for

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
    way: str, rootfs: str, tmp_path: Path
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
    ], way
    assert (tmp_path / "reward/reward.txt").read_text() == "1\n"
    assert not refereed.tampered.pop("trial", None)
    assert not refereed.faults.pop("trial", None)


def test_a_layer_is_not_moved_over_one_that_was_used(daemon: Any, rootfs: str) -> None:
    image, labels = daemon.images.get(rootfs).id, labels_for("state", "swap")
    pair = [Container(image, labels, {"network_mode": "none"}) for _ in range(2)]
    try:
        for container in pair:
            container.start()
            done = container.run(["touch", f"/{container.id}"], {}, "/", "root", "marker")
            assert done.return_code == 0, done.stderr
            container.kill()
        assert not pair[0].hand_over(pair[1])
        for container in pair:
            assert f"/{container.id}" in [change.path for change in container.changes()]
    finally:
        for container in pair:
            container.remove()
