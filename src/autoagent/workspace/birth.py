"""When a directory was made: what tells it from another one at the same path.

A path is made again, and file systems give an inode's number to the next who asks; the time of
birth is neither given again nor set by anybody. Python does not tell it before 3.15.
"""

import ctypes
import os
import struct
from pathlib import Path

_AT_FDCWD, _AT_NO_AUTOMOUNT = -100, 0x800
_STATX_BTIME = 0x800
_SIZE, _BIRTH = 256, 80


def birth(directory: Path) -> str | None:
    """Inode and time of birth of a directory, or None where the file system does not tell them."""
    statx = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)
    if statx is None:
        return None
    found = ctypes.create_string_buffer(_SIZE)
    if statx(_AT_FDCWD, os.fsencode(directory), _AT_NO_AUTOMOUNT, _STATX_BTIME, found) != 0:
        return None
    (told,) = struct.unpack_from("=I", found.raw)
    if not told & _STATX_BTIME:
        return None
    (inode,) = struct.unpack_from("=Q", found.raw, 32)
    seconds, nanoseconds = struct.unpack_from("=qI", found.raw, _BIRTH)
    if seconds == 0:  # some overlays know none, and do not say so
        return None
    return f"{inode} {seconds}.{nanoseconds:09}"
