"""A disk that fills before a call that writes, again and again, in a climb that comes to its end.

    .venv/bin/python bench/full_disk.py [--every N] [--climbs N] [--what bytes|names] [--json]

The climb of `torture.py` on a disk of its own (a tmpfs in a mount namespace), with every call of
its server that writes held (`tracing`). Before each N-th one the last byte of the disk is taken, or
its last name, and the server goes on: it meets a disk that really is full. What it answers then is
looked at, `status` is asked, room is made, and the same call is made again, of the same server.
Each climb begins to fill at another call, so that many climbs meet all of them.

- *unnamed*: a refusal that does not name the full place, or has a bare error or a traceback;
- *died*: the server did, and another one had to be started;
- *stuck*, *lost*, *different*, *left over*: as `torture.py` says, against an undisturbed climb.

Exits 1 where any of them is not 0.
"""

import argparse
import json
import mmap
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import tracing
from climbing import Played, Player, Refused, Server, prepare
from torture import faults

DISK = "size=48m,nr_inodes=5000,mode=700"
FAULTS = ("unnamed", "died", "stuck", "lost", "different", "left over")
_ANEW = re.compile(r"Next: (make your edit anew|read_file)")
INSIDE = "--inside"
_NAMED = (
    r"{place}\S* (\(.*\): the disk is full"
    r"|(was not written|cannot be used|cannot be written) \(No space left.*Free (disk )?space)"
)
_BARE = re.compile(r"Traceback|Errno|OSError|Error executing tool")


class Anew(Exception):
    """A discard was undone in the files after they were read, so the edit is made again."""


class Disk:
    """What is full while `filler` is there; whether it may fill is shared between processes."""

    def __init__(self, place: Path, what: str) -> None:
        self.place, self._what = place, what
        self.filler = place / "filler"
        self._shared = mmap.mmap(-1, 256)
        self.fills = 0

    def may_fill(self, may: bool | None = None) -> bool:
        """Whether the call that met it last was made since."""
        if may is not None:
            self._shared[0] = may
        return bool(self._shared[0])

    def fill(self, call: str) -> None:
        """Take all there is, and say before which call."""
        told = call.encode()[:200]
        self._shared[1 : 2 + len(told)] = bytes([len(told)]) + told
        self.filler.mkdir()
        self.may_fill(False)
        if self._what == "names":
            number = os.statvfs(self.place).f_favail
            for name in range(number):
                (self.filler / str(name)).touch()
            return
        with (self.filler / "bytes").open("wb", buffering=0) as file:
            size = 1 << 22
            while size:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError:
                    size >>= 1

    @property
    def full(self) -> bool:
        return self.filler.exists()

    def free(self) -> str:
        """Make room; the call before which it was taken."""
        for file in self.filler.iterdir():
            file.unlink()
        self.filler.rmdir()
        return self._shared[2 : 2 + self._shared[1]].decode()

    def filling(self, first: int, every: int) -> Callable[[Callable[[], None], int], None]:
        """A server whose disk fills before its `first` call, and `every` so many after that."""

        def run(body: Callable[[], None], _: int) -> None:
            left = first

            def at_stop(stop: tracing.Stop) -> bool:
                nonlocal left
                left -= 1
                if left <= 0 and self.may_fill():
                    self.fill(f"{'server' if stop.program.startswith('python') else stop.program} "
                              f"| {stop.call}")  # fmt: skip
                    left = every
                return False

            tracing.traced(body, at_stop)

        return run


class Patient(Player):
    """A client that reads what a full disk says, makes room and calls again."""

    def __init__(self, root: Path, disk: Disk, report: "Report") -> None:
        super().__init__(root)
        self._disk, self._report = disk, report

    @override
    def _on(self, server: Server, status: dict[str, Any]) -> bool:
        while True:
            try:
                return super()._on(server, status)
            except Anew:
                status = self._asks(server, "status")

    @override
    def _asks(self, server: Server, tool: str, **given: Any) -> dict[str, Any]:
        while True:
            try:
                facts = super()._asks(server, tool, **given)
            except Refused as refused:
                if not self._disk.full:
                    if _ANEW.search(str(refused)):
                        self.memory.written.clear()
                        raise Anew from refused
                    raise
                self._heard(str(refused))
                try:
                    self._noted(server.call("status"))
                except Refused as again:
                    self._heard(str(again))
                self._report.refused += 1
                self._report.points[self._disk.free()] += 1
                continue
            if self._disk.full:
                self._noted(facts)
                self._report.points[self._disk.free()] += 1
            if not self._disk.full:  # at its very end nobody would make room again
                self._disk.may_fill(facts.get("phase") != "finished")
            return facts

    def _heard(self, said: str) -> None:
        named = re.search(_NAMED.format(place=re.escape(str(self._disk.place))), said)
        if not named or _BARE.search(said):
            self._report.found("unnamed", said)

    def _noted(self, facts: dict[str, Any]) -> None:
        for note in [note for note in facts.get("notes", []) if _BARE.search(note)]:
            self._report.found("unnamed", note)


class Report:
    """What came of it."""

    def __init__(self) -> None:
        self.points, self.bad = Counter[str](), Counter[str]()
        self.refused = self.climbs = 0

    def found(self, kind: str, what: str) -> None:
        self.bad[kind] += 1
        print(f"{kind}: {what:.700}", file=sys.stderr)

    def facts(self) -> dict[str, Any]:
        found = {kind: self.bad[kind] for kind in FAULTS}
        return {
            "climbs": self.climbs,
            "points": self.points.total(),
            "refused": self.refused,
        } | found


def played(place: Path, options: argparse.Namespace, report: Report) -> None:
    """As many climbs as are wanted, each on the same disk from its beginning."""
    whole: Played | None = None
    for number in range(options.climbs + 1):
        top = place / str(number)
        top.mkdir()
        os.environ["AUTOAGENT_STATE_DIR"] = str(top / "state")
        root, disk = prepare(top), Disk(place, options.what)
        disk.may_fill(True)
        player = Patient(root, disk, report)
        if whole is None:
            whole = player.play()
            if whole.stuck or whole.lost or whole.left:
                raise SystemExit(f"undisturbed: {whole}")
        else:
            report.climbs += 1
            first = 1 + (number - 1) * options.every // options.climbs
            result, servers = None, 0
            while result is None and servers < 20 and not player.played.stuck:
                servers += 1
                result = player.session(disk.filling(first, options.every))
                first = options.every
                if result is None and not player.played.stuck:
                    report.found("died", disk.free() if disk.full else "with room")
            for kind, what in faults(result or player.played, whole).items():
                report.found(kind, what)
        subprocess.run(["rm", "-rf", str(top)], check=True)


def main() -> int:
    """Play, and print a line for each kind of call."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--every", type=int, default=50, help="fill before each N-th call")
    parser.add_argument("--climbs", type=int, default=10, help="play so many")
    parser.add_argument("--what", choices=("bytes", "names"), default="bytes", help="what is taken")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(INSIDE, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if why := tracing.can_trace():
        print(f"full_disk: skipped, {why}", file=sys.stderr)
        return 2
    if options.inside is None:
        return _in_a_namespace()
    begun, report = time.monotonic(), Report()
    os.environ["TMPDIR"] = tempfile.tempdir = str(options.inside / "tmp")
    Path(tempfile.tempdir).mkdir()
    played(options.inside, options, report)
    seconds = round(time.monotonic() - begun)
    if options.json:
        print(json.dumps({**report.facts(), "seconds": seconds}))
    else:
        print("| who | call | points |\n|---|---|---:|")
        for row, times in sorted(report.points.items()):
            print(f"| {row} | {times:,} |")
        print(f"\n{report.facts()}, {seconds} s")
    return int(bool(report.bad))


def _in_a_namespace() -> int:
    """This script again, on a disk that is nobody else's."""
    with tempfile.TemporaryDirectory(prefix="autoagent-full-") as made:
        place = Path(made).resolve()
        mount = f'mount -t tmpfs -o {DISK} none {place} && exec "$@"'
        how = "-m" if os.geteuid() == 0 else "-rm"
        command = ["unshare", how, "sh", "-c", mount, "sh", sys.executable, *sys.argv]
        done = subprocess.run([*command, INSIDE, str(place)], stderr=subprocess.PIPE, text=True)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        print(f"full_disk: skipped, no mount namespace: {done.stderr.strip()}", file=sys.stderr)
        return 2
    sys.stderr.write(done.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
