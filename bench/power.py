"""Power loss: what was not told to be on the disk is gone, and the climb is then played to its end.

    .venv/bin/python bench/power.py [--every N] [--minutes N] [--json]

The climb of `torture.py` is played once, with every call that writes held. A power cut may come
before each call that syncs, when most is not on the disk yet, and after each reply. A disk then
holds one of these, by two models of what `fsync` promises:

- *names kept*: what was created, renamed or removed is so; a file has the bytes that it had when
  it was synced last, or none. `all` that was not synced is lost, or `each` file's alone.
- *names synced*: a directory, too, has the names that it had when it was synced last, or none.
  `all` such names are lost and the bytes kept, or both are lost, or `each` directory's alone.

`each` is tried after replies. Others are possible, such as two files of three, or half of one: they
lie between these. From each disk a new server starts, and what a reply had told must be there;
`torture.py` says what counts.
"""

import argparse
import json
import math
import stat
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import tracing
from states import Entry, Moment
from torture import Ground, Point, Torture, place_beneath


class Node(NamedTuple):
    """A file or a directory as it was seen last, whatever its name is."""

    mode: int
    content: str


class Disk:
    """What is certain to be on the disk, by the numbers of files and directories."""

    def __init__(self, top: int, begin: Moment, nothing: str) -> None:
        self._top, self._nothing = top, nothing
        self._seen: dict[int, Node] = {}
        self.see(begin)
        self._bytes = {e.number: e.content for e in begin.values()}
        self._names = self._now

    def see(self, moment: Moment) -> None:
        """What a process would find now."""
        self._moment = moment
        self._now: dict[int, dict[str, int]] = {self._top: {}}
        for path, entry in moment.items():
            self._seen[entry.number] = Node(entry.mode, entry.content)
            if stat.S_ISDIR(entry.mode):
                self._now[entry.number] = {}
            above, _, name = path.rpartition("/")
            self._now[moment[above].number if above else self._top][name] = entry.number

    def sync(self, number: int) -> None:
        """A file or a directory is on the disk as it is now."""
        if number in self._now:
            self._names = {**self._names, number: dict(self._now[number])}
        elif number in self._seen:
            self._bytes[number] = self._seen[number].content

    def cuts(self, *, each: bool) -> Iterator[tuple[str, Moment]]:
        """What a disk may hold if the power goes now, and which kind of loss that is."""
        unsynced = {
            entry.number
            for path, entry in self._moment.items()
            if stat.S_ISREG(entry.mode)
            and entry.content != self._old(entry.number)
            and not path.endswith("-shm")  # SQLite's, and made anew
        }
        lost = {n: self._names.get(n, {}) for n in self._now}
        lost = {n: old for n, old in lost.items() if old != self._now[n]}
        yield "names kept, all bytes lost", self._tree(self._now, unsynced)
        if each and len(unsynced) > 1:
            for number in unsynced:
                yield "names kept, each file's lost", self._tree(self._now, {number})
        yield "names synced, all lost", self._tree(self._names, set())
        yield "names synced, all and bytes lost", self._tree(self._names, set(self._seen))
        if each and len(lost) > 1:
            for number, names in lost.items():
                told = {**self._now, number: names}
                yield "names synced, each directory's lost", self._tree(told, set())

    def _old(self, number: int) -> str:
        return self._bytes.get(number, self._nothing)

    def _tree(self, names: dict[int, dict[str, int]], old: set[int]) -> Moment:
        """All that is found from the top by these names, some files with their old bytes."""
        found: Moment = {}
        waiting = [("", self._top)]
        while waiting:
            prefix, directory = waiting.pop()
            for name, number in names.get(directory, {}).items():
                mode, content = self._seen[number]
                if number in old and stat.S_ISREG(mode):
                    content = self._old(number)
                found[prefix + name] = Entry(number, mode, content)
                if stat.S_ISDIR(mode):
                    waiting.append((f"{prefix}{name}/", number))
        return dict(sorted(found.items()))


def cuts_of(points: Sequence[Point], ground: Ground) -> Iterator[Point]:
    """A point for each disk that a power cut before a sync, or after a reply, may leave."""
    nothing = ground.moments.hold(b"")
    disk = Disk(ground.top.stat().st_ino, ground.begin, nothing)
    before = None
    for point in points:
        disk.see(point.moment)
        answered = before is not None and before.answers
        if point.call in tracing.SYNCS or answered:
            for kind, moment in disk.cuts(each=answered):
                yield replace(point, moment=moment, program="power", call=kind)
        if point.syncs:
            disk.sync(point.syncs)
        before = point


def main() -> int:
    """Play, and print a line for each kind of loss."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only each N-th of the disks")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin nothing later")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if why := tracing.can_trace():
        print(f"power: skipped, {why}", file=sys.stderr)
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autoagent-power-", dir=place_beneath()) as place:
        ground = Ground(Path(place).resolve())
        torture = Torture(ground, begun + options.minutes * 60)
        torture.play([*cuts_of(torture.points, ground)][:: options.every])
    report = torture.report
    report.seconds = round(time.monotonic() - begun)
    print(json.dumps(report.facts()) if options.json else report.table())
    return int(not report.sound())


if __name__ == "__main__":
    sys.exit(main())
