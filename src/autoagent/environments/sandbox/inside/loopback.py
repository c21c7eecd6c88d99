"""A listener on the loopback of a network namespace, given away to whoever serves it elsewhere.

A socket stays in the namespace it was made in: what connects to it in here is accepted by
the worker out there, and nothing else connects the two. As a script it does so and becomes
a command: `loopback.py FD PORT PROGRAM ARGUMENTS…`. Standard library only.
"""

import fcntl
import os
import socket
import struct
import sys

PORT = 8787
"""The same in every namespace, so that every trial finds the same environment."""
BACKLOG = 64

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def up() -> None:
    """Bring the loopback interface of this namespace up; it needs CAP_NET_ADMIN there.

    Raises:
        OSError: The kernel refuses.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH22x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def give(fd: int, port: int = PORT) -> None:
    """Listen, send the listener over the socket `fd`, and keep neither.

    Raises:
        OSError: The port is taken, or nobody is there to receive.
    """
    receiver = socket.socket(fileno=fd)
    with receiver, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
        socket.send_fds(receiver, [b"listening"], [listener.fileno()])


if __name__ == "__main__":
    give(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
