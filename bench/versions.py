"""How long the quickstart's baseline takes with the packages of each of several environments.

    .venv/bin/python bench/versions.py .venv/bin/python .newest/.venv/bin/python [--rounds 7]

Each environment has AutoAgent installed, `make newest` makes one with the newest packages that
pyproject.toml allows. Every round plays a new climb with each, in turn: its server over stdio,
`start_climb` and `run_benchmark`. Told are the passes, the seconds of the evaluation by a clock on
the wall, and the ratio of each environment to the first within the same rounds.
"""

import argparse
import asyncio
import ctypes
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import measured
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from overheads import call_until_done

QUICKSTART = Path(__file__).resolve().parent.parent / "examples/quickstart"
NOBODY = "-c user.name=bench -c user.email=bench@localhost"
PR_SET_CHILD_SUBREAPER = 36
SANDBOX = "autoagent.environments.sandbox.sandbox:SandboxEnvironment"
HARBOR = "from importlib.metadata import version; print(version('harbor'))"


class Played(NamedTuple):
    """A climb that has its baseline."""

    passed: str
    took: float
    processor: float
    harbor: float


FIGURES: dict[str, Callable[[Played], float]] = {
    "evaluation": lambda played: played.took,
    "processor": lambda played: played.processor,
    "processor of Harbor alone": lambda played: played.harbor,
}


def main() -> None:
    """Play the rounds and print a line an environment."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="+", type=Path, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # a worker outlives its server
    rounds: dict[Path, list[Played]] = {python.absolute(): [] for python in asked.pythons}
    for _ in range(asked.rounds + 1):
        for python, played in rounds.items():
            before = processor_seconds()
            passed, took = asyncio.run(baseline(python))
            between = processor_seconds()
            harbor_run(python)
            played.append(Played(passed, took, between - before, processor_seconds() - between))
    (_, *first), *_ = rounds.values()  # the first round compiles what it imports
    for python, (_, *played) in rounds.items():
        harbor = subprocess.check_output([python, "-c", HARBOR], text=True).strip()
        passes = " and ".join(sorted({each.passed for each in played}))
        print(f"Harbor {harbor}: {passes} passed")
        for name, figure in FIGURES.items():
            middle = measured.median([figure(each) for each in played])
            pairs = zip(played, first, strict=True)
            ratio = measured.median([figure(one) / figure(other) for one, other in pairs])
            print(
                f"  {name}: {middle.value:.2f} s (median of {asked.rounds}), {ratio.value:.2f} "
                f"[{ratio.low:.2f}, {ratio.high:.2f}] of the first's"
            )


def processor_seconds() -> float:
    """What every process that ended below this one has used; those still running are waited for."""
    with suppress(ChildProcessError):
        while True:
            os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def harbor_run(python: Path) -> None:
    """The tasks' own solutions by Harbor's command, in our environment."""
    with tempfile.TemporaryDirectory() as place:
        command = [python.with_name("harbor"), "run", "--quiet", "--yes", "--agent", "oracle"]
        command += ["--path", QUICKSTART / "tasks", "--jobs-dir", place, "--env", SANDBOX]
        command += [f"--ek={name}={place}/{name}" for name in ("images", "scratch")]
        environment = {**os.environ, "HARBOR_TELEMETRY": "0"}
        subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)


async def baseline(python: Path) -> tuple[str, float]:
    """The passes of a new climb's baseline and the seconds from call to reply."""
    with tempfile.TemporaryDirectory() as place:
        workspace = Path(place) / "quickstart"
        shutil.copytree(QUICKSTART, workspace)
        for words in ("init", "add --all", f"{NOBODY} commit --message start"):
            subprocess.run(["git", *words.split()], cwd=workspace, check=True, capture_output=True)
        environment = {**os.environ, "HOME": place}
        command = ["-m", "autoagent", "serve", "--workspace", str(workspace)]
        parameters = StdioServerParameters(command=str(python), args=command, env=environment)
        async with Client(stdio_client(parameters)) as client:
            await call_until_done(client, "start_climb", {"tag": "bench"})
            began = time.perf_counter()
            await call_until_done(client, "run_benchmark", {})
            took = time.perf_counter() - began
            said = (
                await client.call_tool("append_result", {"description": "baseline"})
            ).structured_content
    assert said is not None
    return f"{said['row']['passed']}", took


if __name__ == "__main__":
    main()
