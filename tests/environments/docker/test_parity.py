"""The same tasks in containers by `harbor run` and by us: rewards, results and trajectories.

Harbor's side is Harbor's own docker environment, with `docker compose`; ours is our worker, our
docker environment and the harness in its sandbox. One thing is set on Harbor's side, to save
minutes: its containers, whose first process ignores SIGTERM, are killed at once when they go.
"""

import re
import subprocess
from pathlib import Path

import pytest

from ...conftest import Bench
from ...parity import QUICKSTART, all_same, by_harbor, by_us, rewards, whole

KILLED_AT_ONCE = "services:\n  main:\n    init: true\n    stop_grace_period: 0s\n"


@pytest.fixture(scope="session")
def compose() -> None:
    """Harbor's docker environment can run here."""
    done = subprocess.run(["docker", "compose", "version"], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"`docker compose` is missing, and Harbor's docker environment needs it: "
                    f"{done.stderr.strip()[:100]}")  # fmt: skip


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """The quickstart's, with a network, and with time.

    To take a network away, Harbor builds an image of its own from one in a registry, and needs
    modules of the kernel; neither is everywhere. Eight containers that start at once on a busy
    machine may take the 5 s of a task, and a timeout on one side is no difference to find here.
    """
    tasks = whole(tmp_path)
    for path in tasks.glob("*/task.toml"):
        text = path.read_text().replace("no-network", "public")
        path.write_text(re.sub(r"^timeout_sec = .+$", "timeout_sec = 300.0", text, flags=re.M))
    return tasks


@pytest.mark.slow
@pytest.mark.usefixtures("base", "bridge", "compose")
async def test_harbors_own_containers_and_ours_give_the_same(
    bench: Bench, tasks: Path, tmp_path: Path
) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(KILLED_AT_ONCE)
    how = ["--env", "docker", "--extra-docker-compose", str(overlay), "--n-concurrent", "8"]

    theirs = by_harbor(tmp_path / "harbor", tasks, "agent:AutoAgent", *how)
    source = (QUICKSTART / "agent.py").read_text()
    spec = bench.spec(source, {}, environment="docker", trial_timeout_seconds=300.0)
    ours = await by_us(bench, tasks, spec)

    steps = all_same(theirs, ours, tasks)
    assert len(steps) >= 10 and min(steps) >= 3
    passes = {reward["reward"] for reward in rewards(ours).values()}
    assert passes == {0, 1}, "some pass and some fail, so there was something to compare"
