"""What benches share: processor time, memory and descriptors of a process, and figures with goals.

A machine is shared, so no figure is a difference of wall times. Work is told as processor time,
which another process cannot take, or as a ratio to a peer that was measured in turn with it. What
is left of the noise is an interval: a goal is met where all of it is on the right side, missed
where none of it is, and else it is too noisy to tell, which is the exit code 2 of every `--check`.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Spread(NamedTuple):
    """A quantile of what was measured, and between what it is, with 95 % confidence."""

    value: float
    low: float
    high: float

    def of(self, peer: "Spread") -> "Spread":
        """How many times the peer's it is."""
        return Spread(self.value / peer.value, self.low / peer.high, self.high / peer.low)

    def times(self, factor: float) -> "Spread":
        """The same in another unit."""
        return Spread(*(factor * each for each in self))


def exactly(value: float) -> Spread:
    """What was counted, and has no noise."""
    return Spread(value, value, value)


def median(values: Sequence[float]) -> Spread:
    """The middle of some values."""
    return quantile(values, 0.5)


def quantile(values: Sequence[float], share: float) -> Spread:
    """A quantile, its interval by the order of the values alone: nothing is assumed of them."""
    ordered, count = sorted(values), len(values)
    half = 1.96 * math.sqrt(count * share * (1 - share))
    places = (share * count, share * count - half, share * count + half)
    return Spread(*(ordered[min(count - 1, max(0, math.ceil(place) - 1))] for place in places))


class Figure(NamedTuple):
    """A figure, and what it may be at most; without a goal it is only told."""

    name: str
    measured: Spread
    goal: float | None = None
    unit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the goal is met, missed, or nobody can tell."""
        if self.goal is None:
            return ""
        if self.measured.high <= self.goal:
            return "met"
        return "MISSED" if self.measured.low > self.goal else "too noisy to tell"


def asked(
    document: str | None, *more: Callable[[argparse.ArgumentParser], object]
) -> argparse.Namespace:
    """What every bench with goals is asked, and what this one adds."""
    parser = argparse.ArgumentParser(description=(document or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--check", action="store_true", help="1: a goal is missed; 2: too noisy")
    for add in more:
        add(parser)
    return parser.parse_args()


def told(figures: Sequence[Figure], options: argparse.Namespace) -> int:
    """Print a table, or JSON; the exit code of `--check`."""
    if options.json:
        print(json.dumps({f.name: [*f.measured, f.goal, f.verdict] for f in figures}))
    else:
        for each in figures:
            value, low, high = each.measured
            between = "" if low == high else f"({low:.4g} to {high:.4g})"
            goal = "" if each.goal is None else f"at most {each.goal:g}: {each.verdict}"
            print(f"{each.name:44}{value:10.4g} {each.unit:4} {between:24}{goal}".rstrip())
    verdicts = [each.verdict for each in figures]
    for each in figures:
        if each.verdict not in ("", "met"):
            print(f"{each.name}: {each.verdict}", file=sys.stderr)
    if not options.check:
        return 0
    return 1 if "MISSED" in verdicts else 2 if "too noisy to tell" in verdicts else 0


def processor_seconds(pid: int) -> float:
    """Processor time of a process, of its threads that ended too, and of children it waited for.

    A process's own is told to the nanosecond, its children's to the hundredth of a second.
    """
    own = time.clock_gettime((~pid << 3) | 2)  # the kernel's number of another process's clock
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + (int(fields[13]) + int(fields[14])) / 100


def memory_bytes(pid: int) -> int:
    """What a process holds of memory that is its own: what it shares depends on who else runs."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    fields = {name: int(kib) for name, kib, *_ in (line.replace(":", "").split() for line in lines)}
    return 1024 * (fields["Anonymous"] + fields["SwapPss"])


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def children(pid: int) -> list[int]:
    """The processes that a process started and that are there."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for thread in threads for child in (thread / "children").read_text().split()]


def yardstick() -> float:
    """Processor seconds of work that is always the same: how slow the machine is right now."""
    began = time.process_time()
    json.loads(json.dumps([{"number": number, "text": str(number)} for number in range(4000)]))
    return time.process_time() - began


class Calls:
    """Processor seconds of calls to a process, by kind, in the order they were made."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.seconds: dict[str, list[float]] = {}

    @contextmanager
    def counted(self, kind: str) -> Generator[None]:
        """Count what the process does meanwhile as one call."""
        before = processor_seconds(self.pid)
        yield
        self.seconds.setdefault(kind, []).append(processor_seconds(self.pid) - before)
