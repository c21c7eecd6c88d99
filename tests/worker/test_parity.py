"""The same tasks by `harbor run` and by us: the same rewards, results and trajectories.

Both run on the same environment class, which Harbor takes by import path: what is compared is
what we put around a trial. `harbor run` imports the harness into its own process; ours is in a
process of its own, behind a proxy. tests/environments/docker/test_parity.py runs Harbor's own
environment.
"""

from pathlib import Path

import pytest

from ..conftest import Bench
from ..parity import QUICKSTART, all_same, by_harbor, by_us, rewards

TASKS = QUICKSTART / "tasks"
SANDBOX = "autoagent.environments.sandbox.sandbox:SandboxEnvironment"


def in_sandbox(place: Path) -> list[str]:
    """Our environment, in `harbor run`'s words."""
    kwargs = [f"--ek={name}={place / name}" for name in ("images", "scratch")]
    return ["--env", SANDBOX, *kwargs, "--n-concurrent", "2"]


@pytest.mark.slow
async def test_the_same_harness_gets_the_same_from_harbor_run_and_from_us(
    bench: Bench, tmp_path: Path
) -> None:
    source = (QUICKSTART / "agent.py").read_text()
    place = tmp_path / "harbor"

    theirs = by_harbor(place, TASKS, "agent:AutoAgent", *in_sandbox(place))
    spec = bench.spec(source, {}, concurrency=2, trial_timeout_seconds=30.0)
    ours = await by_us(bench, TASKS, spec)

    assert min(all_same(theirs, ours, TASKS)) >= 3
    passes = {reward["reward"] for reward in rewards(ours).values()}
    assert passes == {0, 1}, "some pass and some fail, so there was something to compare"


@pytest.mark.slow
async def test_the_same_solutions_get_the_same_from_harbor_run_and_from_us(
    bench: Bench, tmp_path: Path
) -> None:
    place = tmp_path / "harbor"

    theirs = by_harbor(place, TASKS, "oracle", *in_sandbox(place))
    ours = await by_us(bench, TASKS, bench.spec(None, {}, kind="oracle", concurrency=2))

    all_same(theirs, ours, TASKS)
    assert all(reward == {"reward": 1} for reward in rewards(ours).values())
