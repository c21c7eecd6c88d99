"""How long the morning's page takes, and how large it is: from a journal on the disk to the file.

    .venv/bin/python bench/report.py [--check]

A climb is written as a server writes it: a journal, and kept edits in the store. Then `report`
opens, reads, draws and writes, in a fresh process, three times; the quickest is told, in seconds
of a clock, with what the process itself computed: Vega starts beside it, on a second core.
`--check` fails where 500 candidates and 200 tasks take more than 2 s, or the page of 500 and
1,000 tasks has 3 MB, and exits with 2 where a machine was too busy to tell.
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
BUSY = 1.3
"""Times what it computed itself: git and the chart's process are waited for, and little else."""
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
    missed = busy = False
    for candidates, tasks in CLIMBS:
        with tempfile.TemporaryDirectory(dir=FREE if FREE.is_dir() else None) as base:
            os.environ["AUTOAGENT_STATE_DIR"] = f"{base}/state"
            journal = _write(Path(base, "workspace"), candidates, tasks)
            wall, seconds, memory, size = min(
                _measured(Path(base, "workspace")) for _ in range(TIMES)
            )
        sys.stdout.write(
            f"{candidates} candidates x {tasks} tasks: {wall:.2f} s, "
            f"{seconds:.2f} s of its own processor, {memory:.0f} MB of memory; "
            f"journal {journal:,} bytes, page {size:,.0f} bytes\n"
        )
        slow = tasks <= 200 and wall > MOST_SECONDS
        busy |= slow and wall > BUSY * seconds
        missed |= size >= MOST_BYTES or (slow and wall <= BUSY * seconds)
    if busy:
        sys.stdout.write("The machine was too busy to tell.\n")
    return 0 if not options.check else 1 if missed else 2 if busy else 0


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
    used, began = time.process_time(), time.monotonic()
    page = report(root)[1]
    lasted, computed = time.monotonic() - began, time.process_time() - used
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{lasted} {computed} {memory} {page.stat().st_size}"


if __name__ == "__main__":
    sys.exit(main())
