"""What lies in a directory at a moment: taken, told apart from other moments, and put back.

A moment is every path with its kind, permissions, bytes and second names: all that a process finds
that starts when those before it are dead. Not taken are the times and numbers of files, so what
caches by them (`tracked.json`, `drift.json`, `checked-….json`) misses once after `restore`.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One path: its inode's number, type and permissions, and its bytes by their SHA-256."""

    number: int
    mode: int
    content: str


type Moment = dict[str, Entry]
"""By path relative to the directory, sorted."""


class Moments:
    """Takes moments of one directory, and puts them back there.

    Equal bytes are held once, in files beside it: processes that are forked see them too.
    """

    def __init__(self, top: Path) -> None:
        self.top, self._held = top, top.with_name(f"{top.name}-bytes")
        self._held.mkdir()
        self._known: dict[tuple[int, ...], str] = {}

    def take(self) -> Moment:
        """What lies there now; a file that nobody touched since is not read again."""
        return dict(sorted(self._walk(self.top, "")))

    def _walk(self, directory: Path, prefix: str) -> Iterator[tuple[str, Entry]]:
        for found in os.scandir(directory):
            name, facts = prefix + found.name, found.stat(follow_symlinks=False)
            content = ""
            if found.is_dir(follow_symlinks=False):
                yield from self._walk(Path(found.path), name + "/")
            elif stat.S_ISREG(facts.st_mode):
                content = self._content(Path(found.path), facts)
            elif stat.S_ISLNK(facts.st_mode):
                content = self.hold(bytes(Path(found.path).readlink()))
            yield name, Entry(facts.st_ino, facts.st_mode, content)

    def _content(self, path: Path, facts: os.stat_result) -> str:
        key = (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        known = self._known.get(key)
        if known is None or path.name.endswith("-shm"):  # written through memory: no time tells it
            known = self._known[key] = self.hold(path.read_bytes())
        return known

    def hold(self, data: bytes) -> str:
        """Keep bytes; what to ask `read` for."""
        name = hashlib.sha256(data).hexdigest()
        if not (self._held / name).exists():
            (self._held / name).write_bytes(data)
        return name

    def read(self, content: str) -> bytes:
        """Bytes that are held."""
        return (self._held / content).read_bytes()

    def restore(self, moment: Moment) -> None:
        """Make the directory what it was; a directory that is there stays the same one."""
        now = self.take()
        twins = twins_of(moment)
        same = {
            path
            for path, entry in moment.items()
            if path in now and now[path][1:] == entry[1:] and path not in twins
        }
        same -= twins_of(now).keys()
        for path in reversed(now):
            if path not in same:
                place = self.top / path
                if not stat.S_ISDIR(now[path].mode):
                    place.unlink()
                elif path not in moment or not stat.S_ISDIR(moment[path].mode):
                    shutil.rmtree(place)
        for path, entry in moment.items():
            if path not in same:
                self._put(self.top / path, entry, twins.get(path, path))
        for path, entry in moment.items():
            if stat.S_ISDIR(entry.mode):
                (self.top / path).chmod(stat.S_IMODE(entry.mode))

    def _put(self, place: Path, entry: Entry, first: str) -> None:
        if stat.S_ISDIR(entry.mode):
            place.mkdir(exist_ok=True)
        elif stat.S_ISLNK(entry.mode):
            place.symlink_to(os.fsdecode(self.read(entry.content)))
        elif stat.S_ISREG(entry.mode):
            if self.top / first != place:
                place.hardlink_to(self.top / first)
                return
            shutil.copyfile(self._held / entry.content, place)
            place.chmod(stat.S_IMODE(entry.mode))
        else:  # a socket or a pipe that nobody has open any more
            os.mknod(place, entry.mode)


def twins_of(moment: Moment) -> dict[str, str]:
    """The paths that are a second name of a file, and the first of its names."""
    names: dict[int, list[str]] = {}
    for path, entry in moment.items():
        if stat.S_ISREG(entry.mode):
            names.setdefault(entry.number, []).append(path)
    return {path: paths[0] for paths in names.values() if len(paths) > 1 for path in paths}


_CHANCE = (  # what no two runs have alike, in names
    (re.compile(r"\.[0-9]+(-[0-9]+)?\.[0-9a-f]{12}\.tmp"), ".PID.HEX.tmp"),
    (re.compile(r"/\.new-[0-9a-f]{12}"), "/.new-HEX"),
    (re.compile(r"aside/([0-9]+)-[0-9a-f]{8}"), r"aside/\1-HEX"),
    (re.compile(r"tmp_(pack|idx|rev|obj)_\w{6}"), r"tmp_\1_HEX"),
)
_CACHES = re.compile(r"(tracked|drift|checked-[0-9a-f]+)\.json(\.PID\.HEX\.tmp)?$")
_CLOCK = re.compile(
    rb'"(at|birth|started_at|deadline|seconds|until|pid)": ?"?[0-9.]+"?|"(clock|head)": ?"[^"]*"'
)
_NOTHING = hashlib.sha256(b"").hexdigest()
_JOURNAL = "journal.sqlite3"


def in_effect(moments: Moments, moment: Moment) -> str:
    """What two moments share that are the same to whoever starts then.

    Names that chance gave are one name; the journal is what it tells, without hours; what caches by
    the times of files is left out, and so are its seal and the index of its log, made anew.
    """
    told = list[tuple[str, int, str]]()
    base: str | None = None
    for path, entry in moment.items():
        name, made_anew = _plain(path)
        if path.endswith("/" + _JOURNAL):
            base = path
        if not made_anew or entry.content == _NOTHING:
            told.append((name, entry.mode, _timeless(moments, entry.content)))
    if base is not None:
        log = moment.get(base + "-wal")
        told.append((_JOURNAL, 0, _journal(moments, moment[base].content, log and log.content)))
    return hashlib.sha256(repr(sorted(told)).encode()).hexdigest()


@cache
def _plain(path: str) -> tuple[str, bool]:
    """A path without what chance gave it, and whether what lies there is left out."""
    for pattern, plain in _CHANCE:
        path = pattern.sub(plain, path)
    name = path.rpartition("/")[2]
    return path, _CACHES.search(name) is not None or name.startswith("journal.")


_timeless_of: dict[str, str] = {}


def _timeless(moments: Moments, content: str) -> str:
    if content and content not in _timeless_of:
        plain = _CLOCK.sub(b"CLOCK", moments.read(content))
        _timeless_of[content] = hashlib.sha256(plain).hexdigest()
    return _timeless_of.get(content, "")


_journals: dict[tuple[str, str | None], str] = {}


def _journal(moments: Moments, base: str, log: str | None) -> str:
    """What a journal tells, without hours and what is hashed over them."""
    if (base, log) not in _journals:
        place = moments.top.with_name("journal-to-read")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "j").write_bytes(moments.read(base))
        if log:
            (place / "j-wal").write_bytes(moments.read(log))
        rows: list[object] = []
        try:
            with closing(sqlite3.connect(place / "j")) as db:
                rows += db.execute("SELECT seq, kind, subject, body FROM events ORDER BY seq")
                rows += db.execute("SELECT body FROM position")
        except sqlite3.Error as error:  # not made yet, or damaged
            rows += [str(error), base, log]
        plain = _CLOCK.sub(b"CLOCK", repr(rows).encode())
        _journals[base, log] = hashlib.sha256(plain).hexdigest()
    return _journals[base, log]
