"""The environment as harnesses know it: a container of ours answers as Harbor's own does."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..contract import differing, of_harbor, recorded, using_its_environment

Bench = Any  # tests/conftest.py


@pytest.mark.slow
async def test_a_container_answers_a_script_as_harbors_does(bench: Bench, base: str) -> None:
    spec = bench.spec(
        using_its_environment(), {"t": "q"}, environment="docker", trial_timeout_seconds=25
    )

    trial = (await bench.finish(spec))["t"]

    said = json.loads((bench.trial_directory(trial) / "agent/said.json").read_text())
    assert differing(said["answers"], recorded()) == {}
    assert trial.outcome == "passed"


@pytest.mark.slow
async def test_what_was_recorded_is_what_harbor_answers(rootfs: str, tmp_path: Path) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("Harbor's docker environment needs `docker compose`, which is not here")

    assert differing(await of_harbor(tmp_path, rootfs), recorded()) == {}
