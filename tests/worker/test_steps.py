"""Tasks of several steps: the same by `harbor run` and by us, step by step.

Both run on the same environment class, as in test_parity.py.
"""

from pathlib import Path
from typing import Any

import pytest

from autoagent.records import Trial

from ..conftest import HARNESS, Bench
from ..parity import Results, by_harbor, found, result
from ..stepped import step, write_steps

SANDBOX = "autoagent.environments.sandbox.sandbox:SandboxEnvironment"

TASKS: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    # Each keeps what the step before left; `workdir/` and its setup.sh come between them.
    "all-pass": (
        "",
        {
            "one": step("alpha"),
            "two": step(
                "beta",
                **{
                    "workdir/setup.sh": "cp /app/answer.txt /app/before.txt\n",
                    "workdir/given/data.txt": "given\n",
                },
            )
            | {
                "tests/test.sh": "#!/bin/bash\n"
                "cd /app\n"
                '[ "$(cat before.txt given/data.txt answer.txt)" = "alpha\ngiven\nbeta" ]\n'
                "if [ $? = 0 ]; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n"
            },
            "three": step("gamma"),
        },
    ),
    "mean-of-three": ("", {"a": step("alpha"), "b": step("never"), "c": step("gamma")}),
    "final-counts": (
        'multi_step_reward_strategy = "final"\n',
        {"a": step("never"), "b": step("beta")},
    ),
    "stops-early": (
        "",
        {"a": step("alpha"), "b": step("never", toml="min_reward = 0.5\n"), "c": step("gamma")},
    ),
    "goes-on": (
        "",
        {"a": step("alp", toml="min_reward = 0.5\n"), "b": step("beta", toml="min_reward = 1.0\n")},
    ),
    "setup-fails": (
        "",
        {"a": step("alpha"), "b": step("beta", **{"workdir/setup.sh": "exit 3\n"})},
    ),
    "times-out": (
        "",
        {
            "a": step("alpha", **{"instruction.md": "Write alpha and sleep\n"})
            | {"toml": "[steps.agent]\ntimeout_sec = 2\n"},
            "b": step("beta"),
        },
    ),
    "separate": (
        "",
        {
            "a": step(
                "alpha",
                toml='artifacts = ["/app/answer.txt"]\n'
                '[steps.verifier]\nenvironment_mode = "separate"\n',
            ),
            "b": step("beta", toml='artifacts = ["/app/answer.txt"]\n'),
        },
    ),
    "crashes": (
        "",
        {"a": step("alpha", **{"instruction.md": "Write alpha and crash\n"}), "b": step("beta")},
    ),
}
WRITES = """
import asyncio


async def run_task(environment, instruction):
    words = instruction.split()
    word = {"never": "nothing", "alp": "alpha"}.get(words[1], words[1])
    await environment.exec(f"echo {word} > /app/answer.txt")
    if "sleep" in words:
        await asyncio.sleep(60)
    if "crash" in words:
        raise RuntimeError("crashed by itself")
    return "wrote it", 1
"""
WRITING = HARNESS.replace(
    HARNESS[HARNESS.index("async def run_task") : HARNESS.index("# === FIXED")], f"{WRITES}\n\n"
)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    place = tmp_path / "tasks"
    for name, (toml, steps) in TASKS.items():
        write_steps(place / name, steps, toml)
    return place


async def by_us(bench: Bench, tasks: Path, spec: Any) -> dict[str, Trial]:
    named = {path.name: path for path in sorted(tasks.iterdir())}
    return await bench.finish(bench.over(spec, named))


def in_sandbox(place: Path) -> list[str]:
    kwargs = [f"--ek={name}={place / name}" for name in ("images", "scratch")]
    return ["--env", SANDBOX, *kwargs, "--n-concurrent", "2"]


def told(place: Path) -> dict[str, Any]:
    """What Harbor says of a trial and of each of its steps."""
    read = result(place)
    return {
        "reward": read["verifier_result"],
        "steps": [
            (
                one["step_name"],
                one["verifier_result"],
                (one["exception_info"] or {}).get("exception_type"),
            )
            for one in read["step_results"]
        ],
    }


OURS = {"HarnessCrashed": "RuntimeError"}
"""What an exception of the harness's is called by `harbor run`, in whose process it is raised."""


def alike(facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, "steps": [(n, r, OURS.get(e, e)) for n, r, e in facts["steps"]]}


def files_of(place: Path) -> set[str]:
    names = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    return {
        name
        for name in names
        if not name.endswith(("environment-calls.jsonl", "harness.log", "harness-traceback.txt"))
    }


def compare(theirs: Results, ours: Results) -> None:
    assert theirs.keys() == ours.keys() == TASKS.keys()
    for name in TASKS:
        assert alike(told(ours[name])) == told(theirs[name]), name
        assert files_of(ours[name]) == files_of(theirs[name]), name


@pytest.mark.slow
async def test_the_same_harness_gets_the_same_from_harbor_run_and_from_us(
    bench: Bench, tasks: Path, tmp_path: Path
) -> None:
    place = tmp_path / "harbor"
    place.mkdir()
    (place / "writing.py").write_text(WRITING)

    theirs = by_harbor(
        place / "run", tasks, "writing:AutoAgent", *in_sandbox(place / "run"), path=place
    )
    spec = bench.spec(WRITING, {}, concurrency=2, trial_timeout_seconds=30.0)
    trials = await by_us(bench, tasks, spec)
    ours = found(spec.jobs / spec.id)

    compare(theirs, ours)
    assert {name: (trial.outcome, trial.reward) for name, trial in trials.items()} == {
        "all-pass": ("passed", 1.0),
        "mean-of-three": ("failed", pytest.approx(2 / 3)),
        "final-counts": ("passed", 1.0),
        "stops-early": ("failed", 0.5),
        "goes-on": ("failed", 0.75),
        "setup-fails": ("invalid", 0.0),
        "times-out": ("passed", 1.0),
        "crashes": ("passed", 1.0),
        "separate": ("passed", 1.0),
    }


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "agent"), [("oracle", "oracle"), ("noop", "nop")])
async def test_the_same_probes_get_the_same_from_harbor_run_and_from_us(
    bench: Bench, tasks: Path, tmp_path: Path, kind: str, agent: str
) -> None:
    place = tmp_path / "harbor"

    theirs = by_harbor(place, tasks, agent, *in_sandbox(place))
    spec = bench.spec(None, {}, kind=kind, concurrency=2)
    trials = await by_us(bench, tasks, spec)

    compare(theirs, found(spec.jobs / spec.id))
    passed = {name for name, trial in trials.items() if trial.outcome == "passed"}
    assert passed == (TASKS.keys() - {"setup-fails"} if kind == "oracle" else set())
