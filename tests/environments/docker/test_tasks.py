"""What task.toml and a Dockerfile ask for is what harness and verifier find in a container."""

from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from autoagent.records import Trial

from ...acting import acting, acts_of

pytestmark = pytest.mark.slow

Bench = Any  # tests/conftest.py


BOUNDS = """#!/bin/bash
cd /sys/fs/cgroup
if [ -e memory.max ]; then
  read -r quota period <cpu.max
  memory=memory.max pids=pids.max
else
  quota=$(cat cpu/cpu.cfs_quota_us) period=$(cat cpu/cpu.cfs_period_us)
  memory=memory/memory.limit_in_bytes pids=pids/pids.max
fi
echo $(cat $memory) $(python3 -c "print($quota / $period)") $(cat $pids)
"""

ENTRY = """#!/bin/sh
(sleep 1; touch /run/up; exec sleep 4343) &
exec "$@"
"""
"""Starts a service that takes its time, as a database does."""


class Written:
    """A task's files, changed for what its test is about."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def toml(self, table: str, *lines: str) -> None:
        """Lines more in a table of task.toml."""
        file, said = self.path / "task.toml", "\n".join(lines)
        text = file.read_text()
        header = f"[{table}]\n"
        new = (
            text.replace(header, f"{header}{said}\n")
            if header in text
            else f"{text}{header}{said}\n"
        )
        file.write_text(new)

    def image(self, lines: str, **files: str) -> None:
        """Lines more in the Dockerfile, and files beside it."""
        place = self.path / "environment"
        with (place / "Dockerfile").open("a") as file:
            file.write(lines)
        for name, text in files.items():
            (place / name).write_text(text)
            (place / name).chmod(0o755)

    def passes_if(self, condition: str) -> None:
        """The verifier's whole question."""
        answer = "then echo 1; else echo 0; fi >/logs/verifier/reward.txt"
        (self.path / "tests/test.sh").write_text(f"#!/bin/bash\nif {condition}\n{answer}\n")


def write_all(tasks: dict[str, Path]) -> None:
    of = {name: Written(path) for name, path in tasks.items()}

    task = of["is_verified_elsewhere"]
    task.path.joinpath("task.toml").write_text(
        'artifacts = ["/app/answer.txt"]\n' + task.path.joinpath("task.toml").read_text()
    )
    task.toml("verifier", 'environment_mode = "separate"')
    task.path.joinpath("tests/Dockerfile").write_text(
        "FROM autoagent-base\nRUN touch /its-own\nCOPY test.sh /tests/test.sh\n"
    )
    declared = "[ -e /its-own ] && [ -e /app/answer.txt ] && [ -e /logs/artifacts/made.txt ]"
    task.passes_if(f"{declared} && ! [ -e /app/undeclared ] && ! [ -e /app/question.txt ]")
    task.path.joinpath("tests/test.sh").chmod(0o644)

    of["rewrites_the_entry"].image('COPY entry /\nENTRYPOINT ["/entry"]\n', entry=ENTRY)

    task = of["becomes_healthy"]
    task.image('COPY entry /\nENTRYPOINT ["/entry"]\n', entry=ENTRY)
    task.toml("environment.healthcheck", 'command = "test -e /run/up"', "interval_sec = 0.2")
    task.toml("environment.healthcheck", "retries = 100")
    task.passes_if("! ps ax | grep -q '[/]entry\\|[s]leep 4343'")

    task = of["never_becomes_healthy"]
    task.toml("environment.healthcheck", 'command = "false"', "interval_sec = 0.1", "retries = 2")

    task = of["has_users"]
    task.image("RUN useradd worker && useradd grader && chown worker /app\n")
    task.toml("agent", 'user = "worker"')
    task.toml("verifier", 'user = "grader"')
    task.passes_if("[ $(id -un) = grader ] && [ $(stat -c %U /app/answer.txt) = worker ]")

    task = of["has_the_images_user"]
    task.image("RUN useradd imaged && chown imaged /app\nUSER imaged\n")
    task.passes_if("[ $(id -un) = imaged ] && [ $(stat -c %U /app/answer.txt) = imaged ]")

    task = of["has_a_place_and_variables"]
    task.image("RUN mkdir -p /srv/place\nENV OTHER=there\n")
    task.toml("environment", 'workdir = "/srv/place"')
    task.toml("environment.env", 'WORD = "told"')
    task.toml("verifier.env", 'ASKED = "too"')
    task.passes_if('[ "$PWD $WORD $OTHER $ASKED" = "/srv/place told there too" ]')

    task = of["is_bounded"]
    task.image("COPY bounds /usr/local/bin/\n", bounds=BOUNDS)
    task.toml("environment", "cpus = 1", "memory_mb = 512", "storage_mb = 700")
    task.passes_if("[ \"$(bounds)\" = '536870912 1.0 1024' ]")


@pytest.mark.attack(
    "C2.4", ending="score 0", what="in a container: rewrites the image's ENTRYPOINT to forge"
)
async def test_a_container_is_what_its_task_asks_for(bench: Bench, base: str, daemon: Any) -> None:
    """One evaluation, a task for each thing that can be asked."""
    words = acts_of("finds_what_was_asked_for")
    spec = bench.spec(
        acting("finds_what_was_asked_for"),
        {word: word for word in words},
        environment="docker",
        trial_timeout_seconds=60,
        void_retries=0,
    )
    write_all({task.name: task.path for task in spec.tasks})

    trials: dict[str, Trial] = await bench.finish(spec, 120)

    said = {name: (trial.outcome, trial.detail) for name, trial in trials.items()}
    outcome, why = said.pop("never_becomes_healthy")
    assert outcome == "void" and "Healthcheck failed after 2 consecutive retries" in why
    assert said.pop("rewrites_the_entry") == ("failed", "")
    assert said == {word: ("passed", "") for word in said}, bench.log()
    assert len(said) == len(words) - 2
    told = "storage_mb is not bounded by this daemon's driver" in bench.log()
    assert told != bounds_storage(daemon, base)


def bounds_storage(daemon: Any, image: str) -> bool:
    """Whether the daemon takes a container with a size."""
    try:
        daemon.containers.create(image, ["true"], storage_opt={"size": "700m"}).remove()
    except APIError as error:
        assert "storage-opt" in str(error)
        return False
    return True


@pytest.mark.usefixtures("base", "bridge")
async def test_each_phase_has_the_network_that_its_task_gives_it(bench: Bench) -> None:
    """A name says which phase has one; without a word the phase has what the environment has."""
    tasks = {
        "agent_has_one_verifier_has_one": ("public", ""),
        "agent_has_none_verifier_has_one": ("public", "agent"),
        "agent_has_one_verifier_has_none": ("public", "verifier"),
    }
    spec = bench.spec(
        acting("looks_for_a_network"),
        {name: name.partition("_verifier")[0] for name in tasks},
        environment="docker",
        trial_timeout_seconds=60,
    )
    for task in spec.tasks:
        mode, without = tasks[task.name]
        written = Written(task.path)
        config = task.path / "task.toml"
        config.write_text(config.read_text().replace("no-network", mode))
        if without:
            written.toml(without, 'network_mode = "no-network"')
        has = "" if task.name.endswith("has_one") else "! "
        written.passes_if(f"{has}[ -e /sys/class/net/eth0 ]")

    trials: dict[str, Trial] = await bench.finish(spec, 120)

    said = {name: (trial.outcome, trial.detail) for name, trial in trials.items()}
    assert said == dict.fromkeys(tasks, ("passed", "")), bench.log()
