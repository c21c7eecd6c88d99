"""What an evaluation's calls have cost, in a file: a worker that is killed has spent money too.

A line is written before a call is forwarded and another when it is settled. A call that was
never settled counts as all that was reserved for it.
"""

import itertools
import json
from collections import defaultdict
from pathlib import Path

FILE = "spent.jsonl"


class Spending:
    """The evaluation's calls in dollars, those of earlier workers included."""

    def __init__(self, directory: Path) -> None:
        """Read what earlier workers left, then go on writing."""
        path = directory / FILE
        before: dict[str, tuple[str, float]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    call, trial, dollars = json.loads(line)
                except ValueError:  # the last line of a worker that was killed
                    continue
                before[call] = (trial, float(dollars))
        self.before: dict[str, float] = defaultdict(float)
        for trial, dollars in before.values():
            self.before[trial] += dollars
        self._numbers = itertools.count(len(before))
        self._file = path.open("a")
        if before:
            self._file.write("\n")

    def reserved(self, trial: str, dollars: float) -> str:
        """Write a reservation down; the id to settle it by."""
        call = str(next(self._numbers))
        self.settled(call, trial, dollars)
        return call

    def settled(self, call: str, trial: str, dollars: float) -> None:
        """Write down what the call cost."""
        self._file.write(json.dumps([call, trial, dollars]) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
