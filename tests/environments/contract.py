"""What Harbor's docker environment answers to a script: recorded, and asked for where it can run.

`python tests/environments/contract.py IMAGE` records anew, with a daemon and `docker compose`.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from harbor.environments.docker.docker import DockerEnvironment
from harbor.models.task.config import EnvironmentConfig
from harbor.models.trial.paths import TrialPaths

ACT = Path(__file__).parents[1] / "harnesses/acts/uses_its_environment.py"
RECORDED = Path(__file__).with_name("contract.json")
REFUSED = {"as nobody of this machine"}
"""What the sandbox answers by a refusal that names it: it has root alone."""


def using_its_environment() -> str:
    """A harness that runs the script, and whose run_task can ask for the agent it is a part of."""
    from ..acting import acting  # not where this is run as a script

    call = "result, duration_ms = await run_task(environment, instruction)"
    source = acting(ACT.stem)
    return source.replace(call, f"environment.agent = self\n        {call}")


async def of_harbor(place: Path, image: str) -> dict[str, Any]:
    """Run the script in Harbor's own docker environment."""
    spec = importlib.util.spec_from_file_location("uses_its_environment", ACT)
    assert spec is not None and spec.loader is not None
    act = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(act)
    (place / "environment").mkdir()
    (place / "environment/Dockerfile").write_text(f"FROM {image}\nWORKDIR /app\n")
    paths = TrialPaths(trial_dir=place / "trial")
    paths.mkdir()
    environment = DockerEnvironment(
        environment_dir=place / "environment",
        environment_name="contract",
        session_id=f"contract-{os.getpid()}",
        trial_paths=paths,
        task_env_config=EnvironmentConfig(),
    )
    (place / "work").mkdir()
    await environment.start(force_build=True)
    try:
        with contextlib.chdir(place / "work"):
            return json.loads(json.dumps(await act.answers_of(environment)))
    finally:
        await environment.stop(delete=True)


def recorded() -> dict[str, Any]:
    """The answers as they were recorded."""
    return json.loads(RECORDED.read_text())


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Questions that are answered otherwise, and how."""
    names = {*ours, *theirs}
    pairs = {name: (ours.get(name), theirs.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        answers = asyncio.run(of_harbor(Path(scratch), sys.argv[1]))
    RECORDED.write_text(json.dumps(answers, indent=1) + "\n")
