"""The namespaces that every sandbox of a process of ours is started in, made once.

As a script: `keeper.py FD UID PLACE TREE…` sends a user namespace and a mount namespace over
the socket FD and ends; whoever holds the two descriptors keeps them. The user namespace has one
user, 0, who is UID outside. The mount namespace has the trees below PLACE, by number, within
reach of that user however closed the directories above them are. No further user namespace can
be made in there. Standard library only.

Where UID is not its own, somebody has to look through closed directories first and hand over
to UID, who cannot. That is whoever runs this, where it may mount; else it is itself in a user
namespace of its own, in which it may (user_namespaces(7)). Where it may not say who UID is (a
container without CAP_SETUID), UID is its own after all.
"""

import ctypes
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

Extent = tuple[int, int, int]
"""A line of a uid_map: the first id inside, the first outside, how many."""

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND = 2, 4, 8, 0x1000
_MS_REC, _MS_SLAVE = 0x4000, 0x80000


def main(fd: int, uid: int, place: str, trees: Sequence[str]) -> int:
    """Make them; where that cannot be, a line on stderr says why and the exit status is 1."""
    own = os.geteuid()
    with socket.socket(fileno=fd) as given:

        def as_somebody_else() -> None:
            os.setresgid(0, 0, 0)
            os.setresuid(0, 0, 0)
            os.unshare(os.CLONE_NEWNS)  # one that this user namespace owns
            give(given, b"another")

        def as_oneself() -> None:
            os.unshare(os.CLONE_NEWNS)
            show(trees, place)
            if uid == own or users() == 1:
                give(given, b"oneself")
            elif not within(uid, as_somebody_else):
                sys.exit(1)

        if uid == own:
            return not within(own, as_oneself)
        try:
            os.unshare(os.CLONE_NEWNS)
        except PermissionError:
            return not within(None, as_oneself)
        show(trees, place)
        return not within(uid, as_somebody_else)


def show(trees: Sequence[str], place: str) -> None:
    """Mount the trees below `place`, by number, and let nothing of that be seen elsewhere."""
    mount(None, "/", None, _MS_REC | _MS_SLAVE)
    opened = [os.open(tree, os.O_PATH | os.O_DIRECTORY) for tree in trees]  # some may be below it
    mount("tmpfs", place, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "mode=0755,size=64k")
    for number, tree in enumerate(opened):
        target = f"{place}/{number}"
        Path(target).mkdir()
        mount(f"/proc/self/fd/{tree}", target, None, _MS_BIND | _MS_REC)


def give(given: socket.socket, who: bytes) -> None:
    """Close the user namespace for others; send it and the mount namespace, and who is in there."""
    Path("/proc/sys/user/max_user_namespaces").write_text("0")  # of this namespace alone
    found = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt")]
    socket.send_fds(given, [who], found)


def within(uid: int | None, work: Callable[[], None]) -> bool:
    """Do some work in a child that is in a user namespace of its own; whether it was done.

    Args:
        uid: Who is the only user in there, and 0; None is everybody, as who they are. Where
            this process may not say so, its own user is the only one.
        work: What the child does.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _finish(theirs, work)
    theirs.close()
    with ours:
        if ours.recv(1):
            ours.send(_mapped(child, uid))
    return os.waitpid(child, 0)[1] == 0


def _finish(parent: socket.socket, work: Callable[[], None]) -> NoReturn:
    """The child's whole life."""
    try:
        os.unshare(os.CLONE_NEWUSER)
        parent.send(b"?")
        if said := parent.recv(1000)[1:]:
            raise OSError(0, said.decode())
        work()
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'user namespaces'}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(1)
    except SystemExit:
        os._exit(1)
    os._exit(0)


def _mapped(child: int, uid: int | None) -> bytes:
    """Say who is who in a child's namespace; a mark, and behind it why that cannot be."""
    try:
        try:
            _write_maps(child, uid)
        except PermissionError:
            _write_maps(child, os.geteuid())
    except OSError as error:
        return f"!{error.strerror}".encode()
    return b"!"


def _write_maps(child: int, uid: int | None) -> None:
    """user_namespaces(7), "Defining user and group ID mappings"."""
    place = Path(f"/proc/{child}")
    if uid is None:
        for name in ("uid_map", "gid_map"):
            lines = [f"{first} {first} {count}\n" for first, _, count in extents(name)]
            (place / name).write_text("".join(lines))
        return
    (place / "uid_map").write_text(f"0 {uid} 1")
    if uid == os.geteuid():
        (place / "setgroups").write_text("deny")
        uid = os.getegid()
    (place / "gid_map").write_text(f"0 {uid} 1")


def extents(name: str = "uid_map") -> list[Extent]:
    """Which ids this process's user namespace has, and who they are in the one around it."""
    rows = [line.split() for line in Path("/proc/self", name).read_text().splitlines()]
    return [(int(first), int(outside), int(count)) for first, outside, count in rows]


def users() -> int:
    """How many users this process's user namespace has."""
    return sum(count for _, _, count in extents())


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount something.

    Raises:
        OSError: The kernel refuses.
    """
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() or None):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), target)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]))
