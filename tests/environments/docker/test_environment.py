"""Evaluations in real containers: equal to the sandbox's, and nothing that is planted counts."""

from pathlib import Path
from typing import Any

import pytest

from autoagent.environments.docker.daemon import EVALUATION, LABEL_PREFIX
from autoagent.records import Trial

from ...acting import acting, acts_of
from ...parity import QUICKSTART, whole

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py


@pytest.mark.attack(
    "B4.10", ending="score 0", what="in a container: looks for a network, /tests and /solution"
)
@pytest.mark.attack(
    "C1.16", ending="score 0", what="in a container: plants reward.txt and reward.json"
)
@pytest.mark.attack("C2.3", ending="score 0", what="in a container: a daemon rewrites the reward")
@pytest.mark.attack("C3.6", ending="tampered", what="in a container: replaces cat")
@pytest.mark.attack(
    "C3.7", ending="tampered", what="in a container: shadows cat earlier in the PATH"
)
@pytest.mark.attack("C3.8", ending="tampered", what="in a container: writes /etc/ld.so.preload")
@pytest.mark.attack("C4.4", ending="tampered", what="in a container: plants sitecustomize.py")
@pytest.mark.attack(
    "C4.5", ending="score 0", what="in a container: fills /tests for the verifier's volume to copy"
)
@pytest.mark.attack(
    "C5.1", ending="tampered", what="the meta-agent's shell runs `docker exec` in a live trial"
)
async def test_an_evaluation_in_containers_believes_the_verifier_alone(
    bench: Bench, base: str, daemon: Any
) -> None:
    """One evaluation, an act a trial (threats A8, A9, C1-C5)."""
    words = acts_of("acts_in_a_container")
    spec = bench.spec(
        acting("acts_in_a_container"),
        {word: word for word in words},
        environment="docker",
        trial_timeout_seconds=150,
    )
    planted = next(task.path for task in spec.tasks if task.name == "plants_tests")
    (planted / "tests/test.sh").write_text(
        "#!/bin/bash\nls -A /tests /logs/verifier | grep -cE 'conftest|left' "
        ">/tmp/found; cat /tmp/found >/logs/verifier/reward.txt\n"
    )
    bench.engine.start(spec)
    await bench.until(lambda: bool(interfere(daemon, str(spec.directory))), 180)
    await bench.until(lambda: not bench.engine.alive(spec.id), 180)
    said = {name: (t.outcome, t.detail) for name, t in bench.trials(spec.id).items()}

    for word in ("works", "installs", "cannot_reach_out", "is_interrupted"):
        assert said.pop(word) == ("passed", ""), bench.log()
    for word in ("forges_the_reward", "leaves_a_daemon", "plants_tests"):
        assert said.pop(word)[0] == "failed", word
    why = {word: told for word, (outcome, told) in said.items() if outcome == "tampered"}
    assert why == {
        "replaces_cat": "/usr/bin/cat, which belongs to the system, was changed",
        "shadows_cat": "/usr/local/sbin/cat was planted in front of a command of the same name",
        "preloads": "/etc/ld.so.preload was written, which programs load by themselves",
        "customizes": (
            "/usr/lib/python3/dist-packages/sitecustomize.py was written, "
            "which Python runs by itself"
        ),
        "links_its_answer": (
            "/app/answer.txt is a link that leads to /tests, which is the verifier's own"
        ),
        "waits_for_a_hand": "a foreign `docker exec` ran in the container (1 of them)",
    }
    assert said.keys() == why.keys()
    mine = {"label": f"{EVALUATION}={spec.directory}"}
    assert daemon.containers.list(all=True, filters=mine) == []
    assert daemon.volumes.list(filters=mine) == []


def interfere(daemon: Any, evaluation: str) -> bool:
    """What a shell beside the climb could do: `docker exec` into the trial that waits for it."""
    mine = f"{EVALUATION}={evaluation}"
    for container in daemon.containers.list(filters={"label": mine}, ignore_removed=True):
        if "waits_for_a_hand" in container.labels[f"{LABEL_PREFIX}trial"]:
            return container.exec_run("touch /foreign").exit_code == 0
    return False


async def test_the_quickstart_earns_the_same_in_the_sandbox_and_in_containers(
    bench: Bench, base: str, tmp_path: Path
) -> None:
    tasks = sorted(whole(tmp_path).iterdir())
    harness = (QUICKSTART / "agent.py").read_text()
    earned: dict[str, dict[str, tuple[str, float | None]]] = {}
    for number, environment in enumerate(("sandbox", "docker"), 1):
        spec = bench.spec(
            harness, {}, id=f"e{number}", environment=environment, trial_timeout_seconds=60
        )
        spec = bench.over(spec, {task.name: task for task in tasks if task.is_dir()})
        trials: dict[str, Trial] = await bench.finish(spec, 120)
        earned[environment] = {name: (t.outcome, t.reward) for name, t in trials.items()}

    assert earned["sandbox"] == earned["docker"]
    assert len(earned["docker"]) == len(tasks)
    assert {outcome for outcome, _ in earned["docker"].values()} == {"passed", "failed"}


async def test_a_live_service_is_verified_where_it_runs_and_the_trial_says_so(
    bench: Bench, base: str
) -> None:
    harness = acting("does", WORK="setsid sleep 4242 >/dev/null 2>&1 &")
    outcomes: dict[bool, tuple[str, bool]] = {}
    for number, in_place in enumerate((False, True), 1):
        spec = bench.spec(
            harness,
            {"serves": "serves"},
            id=f"e{number}",
            environment="docker",
            trial_timeout_seconds=60,
        )
        (task,) = spec.tasks
        (task.path / "tests/test.sh").write_text(
            "#!/bin/bash\nps ax | grep -c '[s]leep 4242' >/logs/verifier/reward.txt\n"
        )
        live = ("serves",) if in_place else ()
        trials = await bench.finish(spec.with_benchmark(verify_in_place=live), 60)
        outcomes[in_place] = (trials["serves"].outcome, trials["serves"].in_place)
    assert outcomes == {False: ("failed", False), True: ("passed", True)}
