"""What `in_container` adds to each command that a harness runs in the task's environment.

    .venv/bin/python bench/in_container.py [--json]

One trial's sandbox runs `true`, with and without the option in turn; with it the command has a
listener that the gateway serves, and the harness's packages. The medians, in milliseconds.
"""

import argparse
import asyncio
import functools
import json
import statistics
import tempfile
import time
from pathlib import Path

from harbor.models.task.config import EnvironmentConfig, NetworkMode, NetworkPolicy
from harbor.models.trial.paths import TrialPaths

from autoagent.environments.sandbox.sandbox import SandboxEnvironment
from autoagent.gateway.gateway import Gateway
from autoagent.gateway.money.usage import Owner
from autoagent.gateway.plan import GatewayPlan
from autoagent.gateway.reach import Door

COMMANDS = 100


def environment(home: Path, name: str, *, in_container: bool) -> SandboxEnvironment:
    """One trial's environment with nothing in it."""
    (home / "environment").mkdir(exist_ok=True)
    paths = TrialPaths(trial_dir=home / name)
    paths.mkdir()
    return SandboxEnvironment(
        environment_dir=home / "environment",
        environment_name="task",
        session_id=name,
        trial_paths=paths,
        task_env_config=EnvironmentConfig(),
        network_policy=NetworkPolicy(network_mode=NetworkMode.NO_NETWORK),
        images=str(home / "images"),
        scratch=str(home / "scratch"),
        in_container=in_container,
    )


async def measure(home: Path) -> dict[str, float]:
    """Medians of both, in turn, because machines are shared."""
    gateway = Gateway(GatewayPlan(models=("gpt-5",), upstreams={}), home, {})
    sides = {on: environment(home, f"trial-{on}", in_container=on) for on in (False, True)}
    seconds: dict[bool, list[float]] = {False: [], True: []}
    async with gateway.running():
        gateway.expect("trial-True", Owner("e.t.1", "t", 1, "d"), home)
        make = functools.partial(Door, gateway, "trial-True", "trial")
        sides[True].in_hand.doors["trial"] = make
        for side in sides.values():
            await side.start(force_build=False)
        async with sides[False].agent_phase(), sides[True].agent_phase():
            for _ in range(COMMANDS):
                for on, side in sides.items():
                    started = time.perf_counter()
                    done = await side.exec("true")
                    seconds[on].append(time.perf_counter() - started)
                    assert done.return_code == 0, done.stderr
        for side in sides.values():
            await side.stop(delete=True)
    without, with_it = (statistics.median(seconds[on]) * 1000 for on in (False, True))
    return {"without_ms": without, "with_ms": with_it, "added_ms": with_it - without}


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description="What `in_container` costs a command.")
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as home:
        facts = asyncio.run(measure(Path(home)))
    if as_json:
        print(json.dumps(facts))
        return
    print(f"A command: {facts['without_ms']:.1f} ms; with in_container {facts['with_ms']:.1f} ms")


if __name__ == "__main__":
    main()
