"""How long the morning's page takes, and how large it is: from a journal on the disk to the file.

    .venv/bin/python bench/report.py [--check]

A climb is written as a server writes it: a journal, and kept edits in the store. Then `report`
opens, reads, draws and writes, in a fresh process, three times; the best is told, in seconds of a
processor (its git programs included), which on a machine with a free core are seconds of a clock.
`--check` fails where 500 candidates and 200 tasks take more than 2 s, or the page of 500 and
1,000 tasks has 3 MB. What one path for each kind of cell saves is seen there.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autoagent.commands.after.report import report
from autoagent.commands.before.init import make_workspace

ROOT = Path(__file__).parents[1]
MOST_SECONDS = 2.0
MOST_BYTES = 3_000_000
TIMES = 3
CLIMBS = ((50, 20), (500, 200), (500, 1000))
FREE = Path("/dev/shm")  # noqa: S108  # where nothing waits for a disk


def main() -> int:
    """Print a line for each climb; the exit code is 1 where `--check` finds a goal missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.of:
        sys.stdout.write(_timed(options.of))
        return 0
    missed = False
    for candidates, tasks in CLIMBS:
        with tempfile.TemporaryDirectory(dir=FREE if FREE.is_dir() else None) as base:
            os.environ["AUTOAGENT_STATE_DIR"] = f"{base}/state"
            journal = _write(Path(base, "workspace"), candidates, tasks)
            seconds, wall, memory, size = min(
                _measured(Path(base, "workspace")) for _ in range(TIMES)
            )
        sys.stdout.write(
            f"{candidates} candidates x {tasks} tasks: {seconds:.2f} s of a processor, "
            f"{wall:.2f} s, {memory:.0f} MB of memory; journal {journal:,} bytes, "
            f"page {size:,.0f} bytes\n"
        )
        missed |= size >= MOST_BYTES or (tasks <= 200 and seconds > MOST_SECONDS)
    return 1 if options.check and missed else 0


def _write(root: Path, candidates: int, tasks: int) -> int:
    sys.path.insert(0, str(ROOT))
    from tests.report.nights import night, recorded

    make_workspace(root)
    return recorded(root, night(candidates, tasks)).journal.stat().st_size


def _measured(root: Path) -> tuple[float, ...]:
    command = [sys.executable, __file__, "--of", str(root)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(map(float, told.split()))


def _timed(root: Path) -> str:
    used, began = os.times(), time.monotonic()
    page = report(root)[1]
    lasted, now = time.monotonic() - began, os.times()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{sum(now[:4]) - sum(used[:4])} {lasted} {memory} {page.stat().st_size}"


if __name__ == "__main__":
    sys.exit(main())
