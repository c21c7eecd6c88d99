"""How long the morning's page takes, and how large it is: many candidates, many tasks.

`--check` fails where a climb of 500 candidates and 200 tasks takes more than 2 s, or the page of
1,000 tasks and 500 candidates has 3 MB. What one path for each kind of cell saves is seen there.
"""

import argparse
import random
import sys
import time

from autoagent.evidence import events
from autoagent.records import Candidate, Row
from autoagent.report import page
from autoagent.report.played import Played, Recorded
from autoagent.report.story import story

MOST_SECONDS = 2.0
MOST_BYTES = 3_000_000


def climb(candidates: int, tasks: int) -> Played:
    """A climb whose every row passes a random part, so that no run of cells is long."""
    chance = random.Random(1)
    names = tuple(f"task-{number:04}" for number in range(tasks))
    first = Candidate(id="0" * 40, digest="d", parent=None, description="", complexity=1)
    started = events.ClimbStarted(
        tag="night",
        snapshot="s",
        tasks=names,
        excluded={},
        baseline=first,
        model=None,
        head="f" * 40,
        isolation="sandbox",
    )
    found = Played(started, 0.0, names, ended=8 * 3600.0)
    for number in range(candidates):
        scores = {name: chance.choice((0.0, 1.0, None)) for name in names}
        row = Row(
            commit=f"{number:07x}",
            avg_score=None,
            passed=f"{sum(score == 1 for score in scores.values())}/{tasks}",
            task_scores=scores,
            cost_usd=None,
            status="keep" if number % 50 == 0 else "discard",
            description=f"edit {number}: try another order of the tools",
        )
        found.rows.append(Recorded(60.0 * number, f"{number:040x}", row))
    return found


def main() -> int:
    """Print both; the exit code is 1 where `--check` finds a goal missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    missed = False
    page.render(told := story(climb(2, 2), 0.0), {edit: () for edit in told.edits}, "")  # warm
    for candidates, tasks in ((50, 20), (500, 200), (500, 1000)):
        played = climb(candidates, tasks)
        began = time.process_time()
        told = story(played, 0.0)
        text = page.render(told, {edit: () for edit in told.edits}, "head")
        seconds = time.process_time() - began
        size = len(text.encode())
        print(f"{candidates} candidates x {tasks} tasks: {seconds:.2f} s of CPU, {size:,} bytes")
        missed |= size >= MOST_BYTES or (tasks <= 200 and seconds > MOST_SECONDS)
    return 1 if check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
