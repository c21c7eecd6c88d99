"""The message format between the worker and a harness process.

A message is `!II` (header length, blob length), a JSON object, and raw bytes. Both
sides enforce the limits before they allocate, because the other side may be hostile.
"""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

HEADER = struct.Struct("!II")
HEADER_LIMIT = 8 * 1024 * 1024
BLOB_LIMIT = 64 * 1024 * 1024


class WireError(Exception):
    """The other side sent something that is not a message."""


class Order(NamedTuple):
    """The worker's first message: one trial of the harness. Paths are the trial's own.

    `session` is Harbor's name of the environment and `environment` what Harbor says of it, as
    `facts_of` in the worker gathers it; `agent` is what Harbor gives an agent besides.
    `variables` are what SDKs read to find the model.
    """

    scratch: str
    file: str
    class_name: str
    model: str | None
    task: str
    session: str
    instruction: str
    environment: Mapping[str, Any] = {}
    agent: Mapping[str, Any] = {}
    variables: Mapping[str, str] = {}

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """The order that a message is.

        Raises:
            WireError: It is none: worker and harness are not of the same version.
        """
        if set(message) != set(cls._fields):
            raise WireError(f"an order has {', '.join(cls._fields)}; this has {sorted(message)}")
        variables: Any = message["variables"]
        if not isinstance(variables, dict):
            raise WireError(f"an order's `variables` are texts by name, not {variables!r}")
        tables = ("environment", "agent", "variables")
        texts = [pair for pair in message.items() if pair[0] not in tables]
        for name, value in [*texts, *cast("dict[str, Any]", variables).items()]:
            if not isinstance(value, str) and not (value is None and name == "model"):
                raise WireError(f"an order's `{name}` is a text, not {value!r}")
        return cls(**message)


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
