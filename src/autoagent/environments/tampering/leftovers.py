"""What a candidate left that leads a verifier to the verifier's own files (threat C9).

The rule, over everything that it could write and that is no plain file or directory:

- A link is tampering where its text, or what it resolves to step by step through the other
  links, is a guarded place, lies below one, or is a directory that holds one (`/`, `/logs`).
  So is a link that stands where a guarded place or such a directory was. Links into the
  system's directories and links that dangle elsewhere are honest: a venv links its Python.
- A named pipe or a device is tampering, unless it is where programs keep theirs (`PLACES`);
  a link to one is tampering wherever that is. A socket is never read as a file, and servers
  leave theirs behind: it is tampering only under a plain file's name, in a plain directory.
- A file with another name below a guarded place, or with more names than its tree has, is
  tampering. Several names within the tree are honest: `git clone` makes them.
- What the image had at the same path, the same, is honest.
- A tree that cannot be looked at within `Budget` is tampering: nobody's honest work is that large.

What is below a guarded place itself is not judged: nothing of that is there when the verifier
starts. It does not know where a tree lies, nor how it was read.
"""

import posixpath
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from autoagent.environments.sandbox.beneath import LINKS_LIMIT
from autoagent.environments.sandbox.storage import FILES_LIMIT
from autoagent.errors import InfrastructureFault

VERIFIERS = ("/tests", "/solution", "/logs/verifier", "/verifier")
"""The verifier's own directories."""
_MTAB = {("/etc/mtab", f"{place}/mounts") for place in ("/proc", "../proc/self", "/proc/self")}
"""What systemd leaves where it is installed. It shows what is mounted, and another link that leads
there leads to /proc."""
READERS = ("/proc", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr")
"""What shows each process its own root directory and open files."""
ABOVE = ("/", "/logs")
"""What holds a guarded place and is not the system's: `ln -s / /app` makes an /app/tests."""
PLACES = ("/tmp", "/var/tmp", "/run", "/var/run", "/var/spool", "/dev")
"""Where programs keep pipes, sockets and devices."""
ENTRIES_LIMIT = 2 * FILES_LIMIT
"""Files and directories; the bound on what a trial may write counts files alone."""
BYTES_LIMIT = 64 * 2**20
"""Of paths and links' texts, which are kept."""
STEPS_LIMIT = 2_000_000
"""Of resolving links; some seconds."""
LOOK_SECONDS = 120.0
"""Of a processor. No tree within the other bounds takes a quarter of it, so more is the machine's
fault; and trials that end at the same time do not make each other's longer."""

LeftKind = Literal["link", "pipe", "device", "socket", "file"]

_GUARDED = frozenset([*VERIFIERS, *READERS])
_SOCKETS = re.compile(r".*\.(sock|socket|ipc|s)|S\..*|\..*")
"""Names that servers give their sockets."""
_WORDS = {"pipe": "a named pipe", "device": "a device", "socket": "a socket"}


class Leftover(NamedTuple):
    """One thing that was left: whatever is no directory and no file with one name."""

    path: str
    kind: LeftKind
    text: str = ""
    """A link's."""
    inode: tuple[int, int] = (0, 0)
    """A file's: what tells that two names are of one file."""
    names: int = 0
    """How many names a file has; 0 where that is not known."""


class TooMuch(Exception):
    """A tree takes more to look at than honest work leaves; says what it has too much of."""


class Budget:
    """What one look may cost; it is made and spent in one thread."""

    def __init__(self) -> None:
        """Begin to count."""
        self._entries, self._bytes, self._steps = ENTRIES_LIMIT, BYTES_LIMIT, STEPS_LIMIT
        self._until = time.thread_time() + LOOK_SECONDS

    def entries(self, count: int) -> None:
        """Count what a directory holds.

        Raises:
            TooMuch: There is too much of it by now.
            InfrastructureFault: This machine takes too long.
        """
        self._entries -= count
        if self._entries < 0:
            raise TooMuch(f"the trial left more than {ENTRIES_LIMIT} files and directories")
        if time.thread_time() > self._until:
            raise InfrastructureFault(
                f"What a trial left could not be looked at in {LOOK_SECONDS:.0f} s: "
                "the machine is slow."
            )

    def keep(self, text: str) -> str:
        """Count a path or a link's text, which is kept.

        Raises:
            TooMuch: They are too long by now.
        """
        self._bytes -= len(text)
        if self._bytes < 0:
            raise TooMuch("the names of what the trial left are too long to be looked at")
        return text

    def steps(self, count: int) -> None:
        """Count steps of resolving a link.

        Raises:
            TooMuch: There are too many by now.
            InfrastructureFault: This machine takes too long.
        """
        before, self._steps = self._steps, self._steps - count
        if self._steps < 0:
            raise TooMuch("the links that the trial left lead through too many others")
        if before >> 12 != self._steps >> 12:
            self.entries(0)


Known = Callable[[str], Leftover | None]
"""What the image has at a path, if it is one of these things."""
Beyond = Callable[[str], str | None]
"""The text of a link at a path that was not looked at, or None."""


def judge(read: Callable[[Budget], Iterable[Leftover]], known: Known, beyond: Beyond) -> str | None:
    """What of all that was left is tampering, in a sentence, or None.

    Args:
        read: Tells of everything that was left, the honest things too, within a budget.
        known: What the image has; asked only of what would be tampering.
        beyond: Leads a link on through directories that `read` does not tell of.

    Raises:
        InfrastructureFault: The look took longer than it can on a machine that works.
    """
    budget = Budget()
    try:
        things = sorted(read(budget))
        for one, said in _suspects(things, _Ways(things, beyond, budget)):
            before = known(one.path)
            if before is None or (before.kind, before.text) != (one.kind, one.text):
                return f"{shown(one.path)} {said}"
    except TooMuch as much:
        return f"{much}, so nobody can say where a verifier would be led"
    return None


def shown(path: str) -> str:
    """A path for a sentence: bounded, and nothing in it moves a terminal or reorders text."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in path[:200])
    return clean if len(path) <= 200 else f"{clean}…"


class _Ways:
    """Where links lead, and what there is at the end of them."""

    def __init__(self, things: Sequence[Leftover], beyond: Beyond, budget: Budget) -> None:
        self._links = {one.path: one.text for one in things if one.kind == "link"}
        self._ends = {one.path: one.kind for one in things if one.kind in ("pipe", "device")}
        self._beyond, self._budget = beyond, budget

    def wrong(self, link: Leftover) -> str | None:
        """What is wrong with where a link leads, or None."""
        holder = posixpath.dirname(link.path).rstrip("/")
        plain = self._plain(link.text if link.text.startswith("/") else f"{holder}/{link.text}")
        place = next((one for one in _GUARDED if _at_or_below(plain, one)), None)
        place = place or (plain if plain in ABOVE else self._entered(link.text, holder))
        if place in VERIFIERS:
            return f"is a link that leads to {place}, which is the verifier's own"
        if place in READERS:
            return f"is a link that leads to {place}, where its reader finds its own files"
        if place in ABOVE:
            return f"is a link that leads to {place}, which holds what is the verifier's own"
        return place and f"is a link that leads to {_WORDS[self._ends[place]]}"

    def _entered(self, text: str, holder: str) -> str | None:
        """The guarded place that a link comes to, one that holds it, or a pipe or device."""
        here = "" if text.startswith("/") else holder
        waiting, links = _parts(text), 1
        while waiting:
            part = waiting.pop()
            self._budget.steps(1 + (len(here) >> 8))
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            here = f"{here}/{part}"
            if here in _GUARDED:
                return here
            if (told := self._next(here)) is None:
                continue
            links += 1
            if links > LINKS_LIMIT:  # the kernel goes no further either
                return None
            here = "" if told.startswith("/") else here.rpartition("/")[0]
            waiting += _parts(told)
        here = here or "/"
        return here if here in ABOVE or here in self._ends else None

    def _next(self, path: str) -> str | None:
        """The text of a link, seen or not."""
        if (text := self._links.get(path)) is not None:
            return text
        return self._beyond(path)

    def _plain(self, path: str) -> str:
        """A path without `.` and `..`, as text."""
        self._budget.steps(1 + (len(path) >> 8))
        found: list[str] = []
        for part in reversed(_parts(path)):
            if part != "..":
                found.append(part)
            elif found:
                found.pop()
        return "/" + "/".join(found)


def _suspects(things: Sequence[Leftover], ways: _Ways) -> Iterator[tuple[Leftover, str]]:
    """Everything that is tampering unless the image had it, and what is wrong with it."""
    judged = [one for one in things if not any(_below(one.path, place) for place in _GUARDED)]
    for one in judged:
        if one.kind != "link":
            continue
        if one.path in _GUARDED or one.path in ABOVE:
            yield one, "was replaced by a link"
        elif (one.path, one.text) not in _MTAB and (said := ways.wrong(one)):
            yield one, said
    yield from _twins(things)
    for one in judged:
        if one.kind in _WORDS and not _in_its_place(one):
            yield one, f"is {_WORDS[one.kind]} where a verifier reads a file"


def _twins(things: Sequence[Leftover]) -> Iterator[tuple[Leftover, str]]:
    """Files with a name that a verifier's own file has, or one outside of the tree."""
    files: defaultdict[tuple[int, int], list[Leftover]] = defaultdict(list)
    for one in things:
        if one.kind == "file":
            files[one.inode].append(one)
    for names in files.values():
        guarded = [one.path for one in names if any(_below(one.path, p) for p in VERIFIERS)]
        free = [one for one in names if one.path not in guarded]
        if guarded and free:
            yield free[0], f"is the same file as {shown(guarded[0])}"
        elif free and free[0].names > len(names):
            yield free[0], "is the same file as one outside of the trial"


def _in_its_place(one: Leftover) -> bool:
    """Whether a pipe, device or socket is where programs keep theirs, and no file is read."""
    if any(_below(one.path, place) for place in PLACES):
        return True
    *directories, name = one.path.split("/")[1:]
    hidden = any(part.startswith(".") for part in directories)
    return one.kind == "socket" and (hidden or _SOCKETS.fullmatch(name) is not None)


def _parts(path: str) -> list[str]:
    """The components of a path, last first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _below(path: str, place: str) -> bool:
    return path.startswith(f"{place}/")


def _at_or_below(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}/")
