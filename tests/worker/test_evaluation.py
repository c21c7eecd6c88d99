"""Evaluations by real workers in real sandboxes: what a harness does ends with its own trial."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from harbor.models.trial.result import TrialResult

from autoagent.environments.kinds import kind_of
from autoagent.evidence.events import TrialFinished, TrialLost, TrialStarted, WorkerEnded
from autoagent.records import Contest, Side

from ..acting import acting

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py


def ends(bench: Bench) -> list[str]:
    """How the workers of the evaluation said they ended."""
    return [entry.event.end for entry in bench.journal.about("e1", WorkerEnded)]


@pytest.mark.attack(
    "E3.2",
    ending="score 0",
    what="raises the infrastructure's own exceptions, fakes a cancel, makes commands fail",
)
@pytest.mark.attack("A9.3", ending="score 0", what="speaks nonsense to the worker")
async def test_whatever_a_harness_does_ends_with_its_own_trial_and_gains_nothing(
    bench: Bench,
) -> None:
    """One evaluation, every misbehaviour beside a good trial (threats A8, A9, C1, E3)."""
    words = [
        "fine",
        "raises",
        "exits",
        "prints_a_flood",
        "imports_what_is_not_there",
        "vanishes",
        "spins",
        "sleeps",
        "leaves_a_process",
        "writes_the_reward",
        "raises_like_the_machine",
        "fakes_a_cancel",
        "fails_the_sandbox",
        "raises_half_a_letter",
        "speaks_nonsense",
    ]
    spec = bench.spec(acting("ends_badly"), {word: word for word in words})
    trials = await bench.finish(spec)
    said = {name: (trial.outcome, trial.reward) for name, trial in trials.items()}
    assert said == {
        "fine": ("passed", 1.0),
        "raises": ("crashed", 0.0),
        "exits": ("crashed", 0.0),
        "prints_a_flood": ("crashed", 0.0),
        "imports_what_is_not_there": ("crashed", 0.0),
        "vanishes": ("crashed", 0.0),
        "spins": ("timeout", 0.0),
        "sleeps": ("passed", 1.0),  # Harbor verifies what was done before the time ran out
        "leaves_a_process": ("passed", 1.0),
        "writes_the_reward": ("failed", 0.0),
        "raises_like_the_machine": ("crashed", 0.0),
        "fakes_a_cancel": ("crashed", 0.0),
        "fails_the_sandbox": ("failed", 0.0),
        "raises_half_a_letter": ("crashed", 0.0),
        "speaks_nonsense": ("crashed", 0.0),
    }, bench.log()
    place = r" \(agent\.py:\d+, in {word}\)"
    told = {
        "raises": "KeyError: 'no such tool'",
        "exits": "SystemExit: 0: the harness called sys.exit before it had a result",
        "prints_a_flood": r"OSError: .*: a trial of the harness may write 64 MiB and 16384 files.*",
        "imports_what_is_not_there": "ModuleNotFoundError: No module named 'no_such_package'",
    }
    for word, ending in told.items():
        assert re.fullmatch(ending + place.format(word=word), trials[word].detail), word
    assert trials["fakes_a_cancel"].detail.startswith("CancelledError: the harness cancelled")
    assert "called os._exit or was killed, perhaps at its limit" in trials["vanishes"].detail
    ran_out = "the harness ran out of time: it had 4 s (the lesser of"  # not Harbor's 124
    assert trials["spins"].detail.startswith(ran_out)
    silent = {name for name, trial in trials.items() if trial.silent}
    assert silent == {n for n, end in said.items() if end[0] in ("crashed", "timeout")}
    assert ends(bench) == ["complete"]
    assert not (spec.directory / "scratch").exists()


async def test_the_harness_sees_its_file_its_python_and_nothing_of_other_trials(
    bench: Bench,
) -> None:
    spec = bench.spec(
        acting("looks_around", HOST_HOME=str(Path.home())), {"a": "a", "b": "b"}, concurrency=1
    )
    trials = await bench.finish(spec)
    assert {t.outcome for t in trials.values()} == {"passed"}, [t.detail for t in trials.values()]
    for trial in trials.values():
        seen = json.loads((bench.trial_directory(trial) / "agent/seen.json").read_text())
        assert seen["files"] == [".agent", "agent.py"]
        assert seen["env"] == [
            "HARBOR_TELEMETRY",
            "HOME",
            "LANG",
            "LITELLM_LOCAL_MODEL_COST_MAP",
            "PATH",
            "PWD",
        ]
        assert seen["processes"] == ["1"]
        assert seen["interfaces"] == ["lo"]
        assert seen["caps"] == ["0000000000000000"]
        assert seen["scratch"] == ["logs", "work"]
        assert not seen["tests"]
        for attempt in ("userns", "write_root", "write_harness", "ssh"):
            assert seen[attempt] == "refused", attempt


async def test_a_killed_worker_loses_only_what_was_running(bench: Bench) -> None:
    """Trials that were measured stay; those that only started are lost and run again (R9)."""
    words = ["fine", "spins"]
    spec = bench.spec(
        acting("ends_badly"), {w: w for w in words}, concurrency=1, trial_timeout_seconds=30.0
    )
    bench.engine.start(spec)
    started = lambda: len(bench.journal.about("e1", TrialStarted))  # noqa: E731
    await bench.until(lambda: "fine" in bench.trials("e1") and started() == 2)
    os.killpg(int((spec.directory / "worker.pid").read_text()), signal.SIGKILL)
    await bench.until(lambda: not bench.engine.alive("e1"))
    again = spec.with_benchmark(trial_timeout_seconds=1.0)
    trials = await bench.finish(again)
    assert [e.event.trial for e in bench.journal.about("e1", TrialLost)] == ["e1.spins.1"]
    assert (trials["fine"].id, trials["spins"].id) == ("e1.fine.1", "e1.spins.1.try2")
    assert trials["spins"].outcome == "timeout"


async def test_a_worker_that_somebody_stopped_goes_on_by_itself(bench: Bench) -> None:
    """Nobody else would let it: whoever asks whether it is alive does (SIGSTOP)."""
    spec = bench.spec(acting("ends_badly"), {"fine": "fine", "raises": "raises"}, concurrency=1)
    bench.engine.start(spec)
    await bench.until(lambda: bool(bench.journal.about("e1", TrialStarted)))
    pid = int((spec.directory / "worker.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    await bench.until(lambda: ") T " in Path(f"/proc/{pid}/stat").read_text())
    await bench.until(lambda: not bench.engine.alive("e1"))
    assert ends(bench) == ["complete"]
    assert {trial.outcome for trial in bench.trials("e1").values()} == {"passed", "crashed"}


def alive_in_session(pid: int) -> list[str]:
    """Processes of a session; those that only wait to be collected are dead."""
    command = ["ps", "-o", "stat=,pid=,args=", "-s", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [line for line in listed.splitlines() if not line.startswith("Z")]


async def test_a_cancel_ends_the_worker_cleanly_and_leaves_no_process(bench: Bench) -> None:
    spec = bench.spec(acting("ends_badly"), {"spins": "spins"}, trial_timeout_seconds=60.0)
    bench.engine.start(spec)
    await bench.until(lambda: bool(bench.journal.about("e1", TrialStarted)))
    pid = int((spec.directory / "worker.pid").read_text())
    bench.engine.cancel("e1")
    await bench.until(lambda: not bench.engine.alive("e1"))
    assert ends(bench) == ["cancelled"]
    assert bench.trials("e1") == {}
    assert alive_in_session(pid) == []


async def test_a_harness_process_that_the_machine_ended_voids_what_it_had_not_measured(
    bench: Bench,
) -> None:
    """The fork server is out of every candidate's reach: its death is no candidate's (R9)."""
    words = ["fine", "spins", "raises"]
    spec = bench.spec(
        acting("ends_badly"),
        {w: w for w in words},
        concurrency=1,
        trial_timeout_seconds=3.0,
        void_retries=0,
    )
    bench.engine.start(spec)
    await bench.until(lambda: len(bench.journal.about("e1", TrialStarted)) == 2)
    pid = (spec.directory / "worker.pid").read_text()
    subprocess.run(["pkill", "-KILL", "-P", pid, "bwrap"], check=True)
    await bench.until(lambda: not bench.engine.alive("e1"))
    trials = bench.trials("e1")
    assert trials["fine"].outcome == "passed"
    assert trials["raises"].outcome == "void"
    assert "harness process is gone" in trials["raises"].detail


async def test_the_deadline_ends_an_evaluation(bench: Bench) -> None:
    spec = bench.spec(
        acting("ends_badly"),
        {"spins": "spins"},
        trial_timeout_seconds=60.0,
        deadline=time.time() + 3,
    )
    await bench.finish(spec)
    assert ends(bench) == ["out_of_time"]


async def test_a_broken_sandbox_is_void_and_retried_up_to_the_cap(bench: Bench) -> None:
    """The environment could not be built: nothing was measured (R9)."""
    spec = bench.spec(None, {"broken": "x"}, kind="noop", void_retries=1)
    dockerfile = spec.tasks[0].path / "environment/Dockerfile"
    dockerfile.write_text("FROM autoagent-base\nRUN exit 7\n")
    trials = await bench.finish(spec)
    assert (trials["broken"].outcome, trials["broken"].reward) == ("void", None)
    assert "RUN exit 7" in trials["broken"].detail
    assert len(bench.journal.about("e1", TrialFinished)) == 2


REWARDS = {
    "echo 0.5 > /logs/verifier/reward.txt": ("failed", 0.5),
    "echo 1000 > /logs/verifier/reward.txt": ("invalid", 0.0),
    "echo nan > /logs/verifier/reward.txt": ("invalid", 0.0),
    "echo -1 > /logs/verifier/reward.txt": ("invalid", 0.0),
    "true": ("invalid", 0.0),
    'echo \'{"reward": 1, "speed": 9}\' > /logs/verifier/reward.json': ("passed", 1.0),
    'echo \'{"a": 1, "b": 0.5}\' > /logs/verifier/reward.json': ("failed", 0.75),
    'echo \'{"a": 1, "b": 9}\' > /logs/verifier/reward.json': ("invalid", 0.0),
    "mkdir /logs/verifier/reward.json": ("invalid", 0.0),
    "ln -s /proc/self/status /logs/verifier/reward.txt": ("invalid", 0.0),
}


async def test_only_one_plain_number_within_0_and_1_is_a_reward(bench: Bench) -> None:
    tasks = {f"t{number}": "x" for number in range(len(REWARDS))}
    spec = bench.spec(None, tasks, kind="noop", void_retries=0)
    for task, reward in zip(spec.tasks, REWARDS, strict=True):
        (task.path / "tests/test.sh").write_text(f"#!/bin/bash\n{reward}\n")
    trials = await bench.finish(spec)
    said = {how: trials[task] for how, task in zip(REWARDS, tasks, strict=True)}
    assert {how: (trial.outcome, trial.reward) for how, trial in said.items()} == REWARDS


async def test_harbor_can_open_what_an_evaluation_leaves(bench: Bench, harness_source: str) -> None:
    spec = bench.spec(harness_source, {"a": "a"})
    trial = (await bench.finish(spec))["a"]
    check = "import sys; from harbor.models.job.result import JobResult; "
    check += "from harbor.models.trial.result import TrialResult; from pathlib import Path; "
    check += "JobResult.model_validate_json(Path(sys.argv[1], 'result.json').read_text()); "
    check += "TrialResult.model_validate_json(Path(sys.argv[2], 'result.json').read_text())"
    directory = bench.trial_directory(trial)
    subprocess.run([sys.executable, "-c", check, str(directory.parent), str(directory)], check=True)
    validator = [sys.executable, "-m", "harbor.utils.trajectory_validator"]
    subprocess.run([*validator, str(directory / "agent/trajectory.json")], check=True)


def contest(**changes: Any) -> dict[str, Any]:
    """A full suite against an incumbent that passed two; its own harness runs beside it."""
    facts: dict[str, Any] = {
        "rule": "confirm",
        "passes": 2,
        "alpha": 0.2,
        "pruning": True,
        "stored": 2,
        "simpler": False,
    }
    rival = Side(name="incumbent", candidate="i" * 40, digest="i" * 64)
    return {"kind": "full", "contest": Contest(**facts | changes), "against": (rival,)}


@pytest.mark.rule("R5")
async def test_an_evaluation_that_cannot_be_kept_any_more_ends_at_once(bench: Bench) -> None:
    """What is running is ended with it, and what is waiting never starts."""
    words = ["raises", "spins", "fine", "also"]
    spec = bench.spec(
        acting("ends_badly"),
        {w: w for w in words},
        concurrency=2,
        trial_timeout_seconds=60.0,
        **contest(rule="strict", stored=3),
    )
    trials = await bench.finish(spec, 40)
    assert {task: trial.outcome for task, trial in trials.items()} == {"raises": "crashed"}
    assert ends(bench) == ["pruned"]
    started = {entry.event.task for entry in bench.journal.about("e1", TrialStarted)}
    assert started == {"raises", "spins"}
    assert not list((spec.directory / "scratch").glob("*"))


async def test_no_more_trials_run_at_once_than_fit_into_the_memory(bench: Bench) -> None:
    spec = bench.spec(acting("ends_badly"), {"t1": "fine", "t2": "fine"}, concurrency=2)
    half = (kind_of("sandbox").memory_bytes() or 0) // 2**20 // 2
    for task in spec.tasks:
        config = task.path / "task.toml"
        told = config.read_text()
        assert "[environment]\n" in told
        limit = f"[environment]\nmemory_mb = {half + 1}\n"
        config.write_text(told.replace("[environment]\n", limit))
    await bench.finish(spec)
    told = [event.kind for event in bench.journal.about("e1") if event.kind.startswith("trial_")]
    assert told == ["trial_started", "trial_finished"] * 2
    assert "concurrency = 2: the memory has room for 1" in bench.log()


@pytest.mark.rule("R5")
async def test_fresh_passes_run_each_sides_own_harness_beside_the_other(
    bench: Bench, harness_source: str
) -> None:
    """The first pass is the candidate's alone; the incumbent starts with the second."""
    words = ["fine", "raises", "also"]
    spec = bench.spec(acting("ends_badly"), {w: w for w in words}, **contest(stored=1))
    place = spec.directory / "harness-incumbent"
    (place / ".agent").mkdir(parents=True)
    idle = harness_source.replace("cp /app/question.txt /app/answer.txt", "true")
    (place / "agent.py").write_text(idle)
    spec = spec.model_copy(update={"harnesses": {**spec.harnesses, "incumbent": place}})
    await bench.finish(spec)
    ended = [entry.event.trial for entry in bench.journal.about("e1", TrialFinished)]
    assert {(t.side, t.attempt) for t in ended[:3]} == {("", 1)}
    assert {(t.side, t.attempt) for t in ended[3:]} == {("", 2), ("incumbent", 2)}
    assert {t.outcome for t in ended if t.side == "incumbent"} == {"failed"}
    assert sum(t.outcome == "passed" for t in ended) == 4
    assert ends(bench) == ["complete"]
    versions = {
        TrialResult.model_validate_json(
            (bench.trial_directory(t) / "result.json").read_text()
        ).agent_info.version
        for t in ended
    }
    assert versions == {"d" * 12, "i" * 12}
