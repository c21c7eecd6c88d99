"""The message format between the worker and a harness process.

A message is `!II` (header length, blob length), a JSON object, and raw bytes. Both
sides enforce the limits before they allocate, because the other side may be hostile.
"""

import asyncio
import json
import struct
from typing import Any, cast

HEADER = struct.Struct("!II")
HEADER_LIMIT = 8 * 1024 * 1024
BLOB_LIMIT = 64 * 1024 * 1024


class WireError(Exception):
    """The other side sent something that is not a message."""


def pack(message: dict[str, Any], blob: bytes = b"") -> bytes:
    """One message as bytes.

    Raises:
        WireError: It is larger than the limits.
    """
    text = json.dumps(message).encode()
    if len(text) > HEADER_LIMIT or len(blob) > BLOB_LIMIT:
        raise WireError(f"a message of {len(text)} + {len(blob)} bytes is too large")
    return HEADER.pack(len(text), len(blob)) + text + blob


async def receive(reader: asyncio.StreamReader) -> tuple[dict[str, Any], bytes] | None:
    """The next message, or None when the other side is gone.

    Raises:
        WireError: The bytes are not a message, or larger than the limits.
    """
    try:
        text_length, blob_length = HEADER.unpack(await reader.readexactly(HEADER.size))
        if text_length > HEADER_LIMIT or blob_length > BLOB_LIMIT:
            raise WireError(f"a message of {text_length} + {blob_length} bytes is too large")
        text = await reader.readexactly(text_length)
        blob = await reader.readexactly(blob_length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError("the header is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("the header is not a JSON object")
    return cast("dict[str, Any]", message), blob
