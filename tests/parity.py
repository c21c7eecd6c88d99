"""The quickstart's tasks by `harbor run` and by us, and what is compared of the two."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoagent.worker.engine import EvaluationSpec

from .conftest import Bench

QUICKSTART = Path(__file__).parents[1] / "examples/quickstart"
OURS_ALONE = frozenset({"agent/harness.log", "environment-calls.jsonl"})
"""What a trial of ours leaves beside Harbor's files: the calls of the harness, in our words."""
VERDICT = ("verifier/reward.json", "verifier/reward.txt", "verifier/test-stdout.txt")

Results = Mapping[str, Path]
"""Directories of trials, by task."""


def whole(place: Path) -> Path:
    """The quickstart's tasks with what they share in each: the base image may be another's."""
    tasks = shutil.copytree(QUICKSTART / "tasks", place / "tasks")
    for environment in tasks.glob("*/environment"):
        shutil.copytree(QUICKSTART / "base", environment / "shared")
        dockerfile = environment / "Dockerfile"
        first, rest = dockerfile.read_text().split("\n", 1)
        dockerfile.write_text(f"{first}\nCOPY shared/ /\n{rest}")
    return tasks


def by_harbor(place: Path, tasks: Path, agent: str, *how: str, path: Path = QUICKSTART) -> Results:
    """`harbor run` over a directory of tasks, as its user would call it; `path` has the harness."""
    place.mkdir()
    command = [str(Path(sys.executable).with_name("harbor")), "run", "--quiet", "--yes"]
    command += ["--path", str(tasks), "--agent", agent, *how]
    command += ["--jobs-dir", str(place / "jobs"), "--job-name", "job"]
    environment = {**os.environ, "HARBOR_TELEMETRY": "0", "PYTHONPATH": str(path)}
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return found(place / "jobs/job")


async def by_us(bench: Bench, tasks: Path, spec: EvaluationSpec) -> Results:
    """A real evaluation."""
    named = {path.name: path for path in sorted(tasks.iterdir())}
    await bench.finish(bench.over(spec, named))
    return found(spec.jobs / spec.id)


def found(job: Path) -> Results:
    places = [path.parent for path in job.glob("*/result.json")]
    return {result(place)["task_name"].partition("/")[2]: place for place in places}


def result(place: Path) -> dict[str, Any]:
    return json.loads((place / "result.json").read_text())


def rewards(results: Results) -> dict[str, Any]:
    return {task: result(place)["verifier_result"]["rewards"] for task, place in results.items()}


def same(theirs: Path, ours: Path, extra: frozenset[str] = frozenset()) -> int:
    """Compare two trials of a task; how many steps their trajectories have in common: all.

    What may differ in result.json: ids, times, paths and the configuration of the run; who the
    agent is, because ours is a proxy; `source`, the directory that `harbor run` was given; and
    the harness's own `metadata`, which we do not pass on.
    """
    one, other = result(theirs), result(ours)
    for claims in (one["agent_result"], other["agent_result"]):
        if claims:
            claims.pop("metadata")
    assert one.keys() == other.keys()
    told = {key for key in one if one[key]} ^ {key for key in other if other[key]}
    assert told <= {"source"}, {key: (one[key], other[key]) for key in told}
    for key in ("task_name", "verifier_result", "task_checksum", "exception_info", "agent_result"):
        assert one[key] == other[key], key
    files = [
        {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        for place in (theirs, ours)
    ]
    assert files[1] - files[0] <= extra
    assert files[0] <= files[1]
    for name in VERDICT:
        assert (theirs / name).read_text() == (ours / name).read_text()
    if "agent/trajectory.json" not in files[0]:
        return 0
    return _same_trajectory(*(place / "agent/trajectory.json" for place in (theirs, ours)))


def _same_trajectory(*places: Path) -> int:
    one, other = (json.loads(place.read_text()) for place in places)
    assert one.keys() == other.keys()
    assert [step.keys() for step in one["steps"]] == [step.keys() for step in other["steps"]]
    for part in ("message", "tool_calls", "observation"):
        assert [s.get(part) for s in one["steps"]] == [s.get(part) for s in other["steps"]]
    assert one["agent"] == other["agent"]
    return len(one["steps"])


def all_same(theirs: Results, ours: Results, tasks: Path) -> Sequence[int]:
    """Compare the trials of every task; how many steps each has in common."""
    assert theirs.keys() == ours.keys() == {path.name for path in tasks.iterdir()}
    return [same(theirs[task], ours[task], OURS_ALONE) for task in sorted(theirs)]
