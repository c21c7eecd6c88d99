"""The same tasks by `harbor run` and by us: the same rewards, results and trajectories.

Both run on the same environment class, which Harbor takes by import path: what is compared is
what we put around a trial. `harbor run` imports the harness into its own process; ours is in a
process of its own, behind a proxy. bench/trial_overhead.py runs Harbor's own environment.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoagent.benchmark.engine import EvaluationSpec

from ..conftest import Bench

QUICKSTART = Path(__file__).parents[2] / "examples/quickstart"
TASKS = {path.name: path for path in sorted((QUICKSTART / "tasks").iterdir())}
SANDBOX = "autoagent.benchmark.environments.sandbox:SandboxEnvironment"
OURS_ALONE = {"agent/harness.log", "environment-calls.jsonl"}
"""What a trial of ours leaves beside Harbor's files: the calls of the harness, in our words."""

Results = dict[str, Path]
"""Directories of trials, by task."""


def by_harbor(place: Path, agent: str) -> Results:
    """`harbor run` over the quickstart's tasks, as its user would call it."""
    place.mkdir()
    command = [str(Path(sys.executable).with_name("harbor")), "run", "--quiet", "--yes"]
    command += ["--path", str(QUICKSTART / "tasks"), "--agent", agent, "--env", SANDBOX]
    command += ["--ek", f"images={place / 'images'}", "--ek", f"scratch={place / 'scratch'}"]
    command += ["--jobs-dir", str(place / "jobs"), "--job-name", "job", "--n-concurrent", "2"]
    environment = {**os.environ, "HARBOR_TELEMETRY": "0", "PYTHONPATH": str(QUICKSTART)}
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return found(place / "jobs/job")


async def by_us(bench: Bench, spec: EvaluationSpec) -> Results:
    """A real evaluation."""
    await bench.finish(spec)
    return found(spec.jobs / spec.id)


def found(job: Path) -> Results:
    places = [path.parent for path in job.glob("*/result.json")]
    return {result(place)["task_name"].partition("/")[2]: place for place in places}


def result(place: Path) -> dict[str, Any]:
    return json.loads((place / "result.json").read_text())


def same(theirs: Path, ours: Path, extra: set[str]) -> int:
    """Compare two trials of a task; how many steps their trajectories have in common: all."""
    one, other = result(theirs), result(ours)
    for claims in (one["agent_result"], other["agent_result"]):
        if claims:
            claims.pop("metadata")  # the harness's own word, which we do not pass on
    assert one.keys() == other.keys()
    assert {key for key in one if one[key]} ^ {key for key in other if other[key]} <= {"source"}
    for key in ("verifier_result", "task_checksum", "exception_info", "agent_result"):
        assert one[key] == other[key], key
    files = [
        {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        for place in (theirs, ours)
    ]
    assert files[1] - files[0] <= extra
    assert files[0] <= files[1]
    for name in ("verifier/reward.json", "verifier/reward.txt", "verifier/test-stdout.txt"):
        assert (theirs / name).read_text() == (ours / name).read_text()
    if "agent/trajectory.json" not in files[0]:
        return 0
    one, other = (
        json.loads((place / "agent/trajectory.json").read_text()) for place in (theirs, ours)
    )
    assert one.keys() == other.keys()
    assert [step.keys() for step in one["steps"]] == [step.keys() for step in other["steps"]]
    for step in ("message", "tool_calls", "observation"):
        assert [s.get(step) for s in one["steps"]] == [s.get(step) for s in other["steps"]]
    assert one["agent"] == other["agent"]
    return len(one["steps"])


@pytest.mark.slow
async def test_the_same_harness_gets_the_same_from_harbor_run_and_from_us(
    bench: Bench, tmp_path: Path
) -> None:
    source = (QUICKSTART / "agent.py").read_text()
    spec = bench.spec(source, {}, concurrency=2, trial_timeout_seconds=30.0)

    theirs = by_harbor(tmp_path / "harbor", "agent:AutoAgent")
    ours = await by_us(bench, bench.over(spec, TASKS))

    assert theirs.keys() == ours.keys() == TASKS.keys()
    steps = [same(theirs[task], ours[task], OURS_ALONE) for task in TASKS]
    assert min(steps) >= 3
    rewards = [result(place)["verifier_result"]["rewards"]["reward"] for place in ours.values()]
    assert set(rewards) == {0, 1}, "some pass and some fail, so there was something to compare"


@pytest.mark.slow
async def test_the_same_solutions_get_the_same_from_harbor_run_and_from_us(
    bench: Bench, tmp_path: Path
) -> None:
    spec = bench.spec(None, {}, kind="oracle", concurrency=2)

    theirs = by_harbor(tmp_path / "harbor", "oracle")
    ours = await by_us(bench, bench.over(spec, TASKS))

    assert theirs.keys() == ours.keys() == TASKS.keys()
    for task in TASKS:
        same(theirs[task], ours[task], set())
        assert result(ours[task])["verifier_result"]["rewards"] == {"reward": 1}
