"""Torture: everything killed before each call that writes, and then played to its end.

    .venv/bin/python bench/torture.py [--every N] [--again N] [--sample N] [--minutes N]

A kill of everything before a call leaves the files as they are at that moment, and nothing else. So
the climb (`climbing`) is played once, with every call that writes held until all that lies there is
taken (`tracing`, `states`). From each of these moments a new server then starts at the same place,
and the client goes on by `status` alone, to the end. Where server and client are just as in one
that was played to its end already, that end counts. With `--again N` the servers that recover
from each N-th moment are held in the same way, and all of their moments recovered from as well, and
so on until there are no new ones.

`--sample N` shows that the short way is honest: it plays N climbs that really are killed, and looks
whether what lies there then is one of the moments, and how they end.

Each end is compared with that of the undisturbed climb:

- *stuck*: the climb does not come to its end, or a call is refused that was none before;
- *lost*: something that a reply had told is not there any more;
- *different*: ledger, harness, `.agent/` with the memory, branch, verdicts or certificate;
- *left over*: a temporary file, a lock, or an index of ours lies where the next run finds it.

Exits 1 where any of the four is not 0, or a sampled kill left what is none of the moments.
"""

import argparse
import itertools
import json
import math
import os
import pickle
import random
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tracing
from climbing import Board, Memory, Played, Player, Run, prepare
from states import Moment, Moments, in_effect

FAULTS = ("stuck", "lost", "different", "left over")
MEMORY_DISK = Path("/dev/shm")
ALL = slice(None)


@dataclass
class Point:
    """A call before which everything may be killed, and what lies there then."""

    call: str
    program: str
    moment: Moment
    memory: Memory
    answers: bool = False
    """Whether it answers the client."""
    syncs: int = 0
    """The number of the file or the directory that it puts on the disk."""
    again: bool = False
    """Whether it is a call of a server that recovers."""


class Ground:
    """The place of all climbs: a workspace, a state, and temporary files."""

    def __init__(self, place: Path) -> None:
        self.top = place / "climb"
        (self.top / "tmp").mkdir(parents=True)
        self.records = place / "records"
        os.environ["AUTOAGENT_STATE_DIR"] = str(self.top / "state")
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.top / "tmp")
        self.root = prepare(self.top)
        self.moments = Moments(self.top)
        self.begin = self.moments.take()

    def player(self, point: Point | None = None) -> Player:
        """A client where everything was killed, or before all."""
        self.moments.restore(point.moment if point else self.begin)
        return Player(self.root, pickle.loads(pickle.dumps(point.memory)) if point else None)

    def effect(self, point: Point) -> str:
        """The same where a server that starts there, and the client, go on alike."""
        return in_effect(self.moments, point.moment) + point.memory.wants()

    def recording(self, board: Board, points: slice = ALL) -> Run:
        """A server whose points are written down, all of them or those of a slice."""
        chosen = range(sys.maxsize)[points]

        def run(body: Callable[[], None], pipe: int) -> None:
            calls = itertools.count()
            with self.records.open("wb", buffering=0) as file:
                last: list[Moment] = []

                def at_stop(stop: tracing.Stop) -> bool:
                    if next(calls) not in chosen:
                        last.clear()
                        return False
                    board.settle(pipe)
                    moment = last.pop() if last else self.moments.take()
                    if stop.call in tracing.SYNCS or stop.descriptor == pipe:
                        last.append(moment)  # this call changes none of it
                    kind = "server" if stop.program.startswith("python") else stop.program
                    point = Point(stop.call, kind, moment, board.memory())
                    point.answers = stop.descriptor == pipe
                    if stop.call in tracing.SYNCS and stop.written is not None:
                        point.syncs = stop.written.st_ino
                    file.write(pickle.dumps(point))
                    return False

                tracing.traced(body, at_stop)

        return run

    def recorded(self) -> Iterator[Point]:
        """What a server that was recorded left written down."""
        with self.records.open("rb") as file:
            try:
                while True:
                    yield pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                return


def place_beneath() -> Path | None:
    """Where a climb is cheapest: a kill leaves the same on every file system."""
    return MEMORY_DISK if os.access(MEMORY_DISK, os.W_OK) else None


def killing(at: int) -> Run:
    """A server that is really killed, with all that it started, before one of its calls."""

    def run(body: Callable[[], None], _: int) -> None:
        calls = itertools.count(1)
        tracing.traced(body, lambda _: next(calls) == at)

    return run


@dataclass
class Report:
    """What came of all points."""

    points: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    bad: dict[str, Counter[tuple[str, str]]] = field(
        default_factory=lambda: {kind: Counter[tuple[str, str]]() for kind in FAULTS}
    )
    left: int = 0
    """Points that there was no time for."""
    states: int = 0
    recovering: int = 0
    sampled: int = 0
    strange: int = 0
    seconds: float = 0.0

    def count(self, point: Point, found: Mapping[str, str]) -> None:
        row = (point.program + (", recovering" if point.again else ""), point.call)
        self.points[row] += 1
        for kind, what in found.items():
            self.bad[kind][row] += 1
            print(f"{' '.join(row)}: {kind}: {what}", file=sys.stderr)

    def sound(self) -> bool:
        return not self.strange and not any(self.bad[kind].total() for kind in FAULTS)

    def facts(self) -> dict[str, Any]:
        totals = {kind: self.bad[kind].total() for kind in FAULTS}
        names = ("left", "states", "recovering", "sampled", "strange", "seconds")
        told = {name: getattr(self, name) for name in names}
        return {"points": self.points.total(), **totals, **told}

    def table(self) -> str:
        """The report for people, as Markdown."""
        lines = [f"| {' | '.join(('who', 'call', 'points', *FAULTS))} |"]
        lines.append("|---|---|" + "---:|" * (1 + len(FAULTS)))
        for row, times in sorted(self.points.items()):
            cells = [*row, f"{times:,}", *(str(self.bad[kind][row]) for kind in FAULTS)]
            lines.append(f"| {' | '.join(cells)} |")
        facts = self.facts()
        cells = ["all", "", f"{facts['points']:,}", *(str(facts[kind]) for kind in FAULTS)]
        lines.append(f"| {' | '.join(cells)} |")
        lines.append(
            f"\n{self.left:,} points more for which there was no time. {self.states:,} distinct "
            f"moments, {self.recovering:,} of them of servers that recovered; {self.sampled} real "
            f"kills, {self.strange} of which left what is no moment; {self.seconds:,.0f} s."
        )
        return "\n".join(lines)


class Torture:
    """Points of a climb, and of the servers that recover from them."""

    def __init__(self, ground: Ground, until: float, points: slice = ALL) -> None:
        self._ground, self._until, self.report = ground, until, Report()
        player = ground.player()
        whole = player.session(ground.recording(player.board, points))
        if whole is None or whole.lost or whole.left:
            raise SystemExit(f"undisturbed: {player.played}")
        self._whole = whole
        self.points = [*ground.recorded()]
        self._ends: dict[str, Played] = {}
        self._found: dict[str, dict[str, str]] = {}

    def play(self, points: Sequence[Point]) -> list[Point]:
        """Recover from points; one of each that are the same to whoever recovers.

        In no order, so that what is done when the time is over says something of all.
        """
        alike: dict[str, list[Point]] = {}
        for point in points:
            alike.setdefault(self._ground.effect(point), []).append(point)
        effects = random.Random(1).sample(sorted(alike), len(alike))
        for effect in effects:
            if self._over():
                self.report.left += len(alike[effect])
                continue
            for point in alike[effect]:
                self.report.count(point, self.found(point))
        return [alike[effect][0] for effect in effects if effect in self._found]

    def _over(self) -> bool:
        return time.monotonic() > self._until

    def again(self, points: Sequence[Point]) -> None:
        """Kill the servers that recover from points, too, and those that recover from that."""
        waiting = deque(points)
        while waiting and not self._over():
            player = self._ground.player(waiting.popleft())
            player.recover(self._ground.recording(player.board))
            for point in self._ground.recorded():
                point.again = True
                if self._over():
                    break
                if self._ground.effect(point) not in self._found:
                    self.report.recovering += 1
                    waiting.append(point)
                self.report.count(point, self.found(point))

    def found(self, point: Point) -> dict[str, str]:
        """What is wrong where a climb goes on as it does at this point."""
        effect = self._ground.effect(point)
        if effect not in self._found:
            self._found[effect] = self._outcome(point)
        return self._found[effect]

    def _outcome(self, point: Point) -> dict[str, str]:
        """What is wrong with the climb that goes on there, by its kind."""
        self.report.states += 1
        player = self._ground.player(point)
        asked = list[str]()

        def known() -> Played | None:
            there = Point("", "", self._ground.moments.take(), player.memory)
            asked.append(self._ground.effect(there))
            return self._ends.get(asked[-1])

        played = player.play(known)
        if asked and asked[-1] not in self._ends:
            self._ends[asked[-1]] = replace(played, lost="")
        return faults(played, self._whole)

    def sample(self, number: int) -> None:
        """Really kill climbs, and the servers that recover, and look what lies there then."""
        chance, known = random.Random(1), {self._ground.effect(point) for point in self.points}
        for at in chance.sample(range(1, len(self.points)), number):
            player = self._ground.player()
            player.session(killing(at))
            self.report.sampled += 1
            there = Point("", "", self._ground.moments.take(), player.memory)
            if self._ground.effect(there) not in known:
                self.report.strange += 1
                print(f"killed before call {at}: no such moment", file=sys.stderr)
            player.session(killing(chance.randrange(1, 80)))
            for kind, what in faults(player.play(), self._whole).items():
                self.report.bad[kind]["really killed", ""] += 1
                print(f"killed before call {at}: {kind}: {what}", file=sys.stderr)


def faults(played: Played, whole: Played) -> dict[str, str]:
    """What is wrong with a climb that was disturbed, by its kind."""
    found: dict[str, str] = {}
    if played.stuck:
        found["stuck"] = played.stuck
    elif played.state != whole.state:
        differs = [key for key in whole.state if played.state[key] != whole.state[key]]
        found["different"] = "; ".join(f"{key}: {played.state[key]!s:.400}" for key in differs)
    if played.lost:
        found["lost"] = played.lost
    if played.left:
        found["left over"] = ", ".join(played.left)
    return found


def main() -> int:
    """Play, and print a line for each kind of call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only each N-th call")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first call")
    parser.add_argument("--again", type=int, help="and servers that recover, at each N-th moment")
    parser.add_argument("--sample", type=int, default=0, help="so many climbs are really killed")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin nothing later")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if why := tracing.can_trace():
        print(f"torture: skipped, {why}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autoagent-torture-", dir=place_beneath()) as place:
        until = begun + options.minutes * 60
        chosen = slice(options.first - 1, None, options.every)
        recorded = ALL if options.sample else chosen  # a real kill may leave any moment
        torture = Torture(Ground(Path(place).resolve()), until, recorded)
        first = torture.play(torture.points[chosen] if options.sample else torture.points)
        if options.again:
            torture.again(first[:: options.again])
        torture.sample(options.sample)
    report = torture.report
    report.seconds = round(time.monotonic() - begun)
    print(json.dumps(report.facts()) if options.json else report.table())
    return int(not report.sound())


if __name__ == "__main__":
    sys.exit(main())
