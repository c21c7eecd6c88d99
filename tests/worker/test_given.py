"""What Harbor gives an agent, a harness gets: servers, skills, the environment as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.workspace.tasks.inspect import inspect_task

from ..conftest import Bench
from ..environments.contract import REFUSED, differing, recorded, using_its_environment

SERVERS = """
[[environment.mcp_servers]]
name = "files"
transport = "stdio"
command = "/usr/bin/env"
[[environment.mcp_servers]]
name = "far"
transport = "http"
url = "https://mcp.example.com/mcp"
"""


def environment_of(task: Path, *lines: str, more: str = "") -> None:
    file = task / "task.toml"
    text = file.read_text().replace("[environment]\n", "[environment]\n" + "\n".join(lines) + "\n")
    file.write_text(text + more)


@pytest.mark.slow
async def test_a_harness_is_told_what_harbor_tells_an_agent(bench: Bench) -> None:
    spec = bench.spec(using_its_environment(), {"t": "q"}, trial_timeout_seconds=25)
    task = spec.tasks[0].path
    environment_of(task, "memory_mb = 512", 'skills_dir = "/skills"', more=SERVERS)

    trial = (await bench.finish(spec))["t"]

    assert trial.outcome == "passed", (trial, bench.log())
    said = json.loads((bench.trial_directory(trial) / "agent/said.json").read_text())
    assert said["told"] == {
        "servers": [
            ["files", "stdio", None, "/usr/bin/env"],
            ["far", "streamable-http", "https://mcp.example.com/mcp", None],
        ],
        "skills": "/skills",
        "memory": 512,
        "network": "no-network",
        "variables": {},
        "user": None,
    }
    differ = differing(said["answers"], recorded())
    assert differ.keys() == REFUSED and "root alone" in differ.popitem()[1][0][1]


def test_servers_that_nothing_serves_and_users_that_are_not_there_need_containers(
    tmp_path: Path, write_task: Callable[..., None]
) -> None:
    task = tmp_path / "tasks/t"
    write_task(task, expected="a", question="q")
    server = '[[environment.mcp_servers]]\nname = "s"\nurl = "http://{}/mcp"\n'
    environment_of(task, more="".join(map(server.format, ("tools:8000", "127.0.0.1:80", "a.org"))))
    for phase, user in (("agent", '"worker"'), ("verifier", "1000")):
        text = (task / "task.toml").read_text()
        (task / "task.toml").write_text(text.replace(f"[{phase}]", f"[{phase}]\nuser = {user}"))

    told = inspect_task(task).problems

    keys = [line.split(": ")[1] for line in told]
    servers = [f"environment.mcp_servers.{number}.url" for number in (0, 1)]
    assert keys == ["agent.user", "verifier.user", *servers]
    assert all('needs environment = "docker"' in line for line in told)
    assert inspect_task(task, frozenset(["containers"])).problems == ()
