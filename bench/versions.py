"""How long the quickstart's baseline takes with the packages of each of several environments.

    .venv/bin/python bench/versions.py .venv/bin/python .newest/.venv/bin/python [--rounds 7]

Each environment has AutoAgent installed, `make newest` makes one with the newest packages that
pyproject.toml allows. Every round plays a new climb with each, in turn: its server over stdio,
`start_climb` and `run_benchmark`. Told are the passes, the seconds of the evaluation by a clock on
the wall, and the ratio of each environment to the first within the same rounds.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import measured
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from overheads import call_until_done

QUICKSTART = Path(__file__).resolve().parent.parent / "examples/quickstart"
NOBODY = "-c user.name=bench -c user.email=bench@localhost"
HARBOR = "from importlib.metadata import version; print(version('harbor'))"


def main() -> None:
    """Play the rounds and print a line an environment."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pythons", nargs="+", type=Path, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    took: dict[Path, list[float]] = {python.absolute(): [] for python in asked.pythons}
    passed: dict[Path, set[str]] = {python: set() for python in took}
    for number in range(asked.rounds + 1):
        for python, seconds in took.items():
            passes, second = asyncio.run(baseline(python))
            passed[python].add(passes)
            if number:  # the first compiles what it imports
                seconds.append(second)
    first = next(iter(took.values()))
    for python, seconds in took.items():
        harbor = subprocess.check_output([python, "-c", HARBOR], text=True).strip()
        middle = measured.median(seconds)
        ratio = measured.median([one / other for one, other in zip(seconds, first, strict=True)])
        print(
            f"Harbor {harbor}: {' and '.join(sorted(passed[python]))} passed in {middle.value:.2f} "
            f"s (median of {asked.rounds}), {ratio.value:.2f} of the first's "
            f"[{ratio.low:.2f}, {ratio.high:.2f}]"
        )


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
