"""What an exec prints, read as the daemon sends it.

The SDK's `exec_start` reads from the socket itself and loses what came in one packet with the
answer's head: a quick command looked silent (docker-py, issues 425 and 3332). An answer that asks
for no upgrade of the connection is read through the buffer that took the head, to its last byte.
"""

from collections.abc import Generator
from typing import Any

import requests
import urllib3

PART_LIMIT = 64 * 1024
"""Bytes that are asked for at once."""
_HEAD = 8
"""Bytes before a frame: the stream's number, three of nothing, the length (API, "Attach")."""


def printed_by(client: Any, exec_id: str) -> Generator[bytes]:
    """Start an exec; what it prints on both streams, in the order of the daemon's frames.

    It ends when the daemon closes the answer. A silent command is waited for without an end: its
    limit is the caller's.

    Raises:
        docker.errors.APIError: The daemon refused to start it.
        requests.RequestException: It is gone.
    """
    place = client._url("/exec/{0}/start", exec_id)
    order, patience = {"Detach": False, "Tty": False}, (client.timeout, None)
    with client.post(place, json=order, stream=True, timeout=patience) as answer:
        client._raise_for_status(answer)
        try:
            while len(head := answer.raw.read(_HEAD)) == _HEAD:
                left = int.from_bytes(head[4:])
                while left and (part := answer.raw.read(min(left, PART_LIMIT))):
                    left -= len(part)
                    yield part
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error) from error
