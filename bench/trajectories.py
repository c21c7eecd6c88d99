"""How long a trial of 200 steps and 5 MB takes to read: outline, search, and where two part.

Run `.venv/bin/python bench/trajectories.py`; prints the best of ten, in milliseconds.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from autoagent.evidence import outline, trajectory

STEPS, PRINTED = 200, 25_000


def main() -> None:
    """Print a line for each way to read it."""
    with tempfile.TemporaryDirectory() as base:
        one, other = (_trial(Path(base, "job", name), last) for name, last in (("a", 1), ("b", 2)))
        size = (one / "agent/trajectory.json").stat().st_size
        sys.stdout.write(f"{STEPS} steps, {size / 1e6:.1f} MB\n")
        read = trajectory.read_trajectory
        _tell("outline", lambda: outline.outline(read(one), 1500))
        _tell("search", lambda: outline.found(read(one), "line of 199", 1, 1900))
        _tell("parts", lambda: outline.parts(one, other))


def _trial(directory: Path, last: int) -> Path:
    (directory / "agent").mkdir(parents=True)
    steps = [
        {
            "source": "agent",
            "message": f"I look at part {number}.",
            "tool_calls": [{"function_name": "sh", "arguments": {"command": f"cat {number}"}}],
            "observation": {"results": [{"content": f"line of {number}\n" * (PRINTED // 12)}]},
        }
        for number in range(STEPS)
    ]
    steps[-1]["message"] = f"The answer is {last}."
    (directory / "agent/trajectory.json").write_text(json.dumps({"steps": steps}))
    return directory


def _tell(what: str, work: Callable[[], object]) -> None:
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    sys.stdout.write(f"{what:8} {1000 * best:6.1f} ms\n")


if __name__ == "__main__":
    main()
