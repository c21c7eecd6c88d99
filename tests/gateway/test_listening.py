"""What a listener takes in from a harness that does not keep to HTTP's spirit."""

import asyncio
import socket
from typing import cast

import anyio
import pytest

from autoagent.gateway.calls.scope import Scope
from autoagent.gateway.listening import BESIDES_BODY, Listening


@pytest.mark.rule("A6")
async def test_headers_without_end_are_refused_before_they_fill_the_worker() -> None:
    async def app(connection: object, receive: object, send: object) -> None:
        raise AssertionError("a request without an end of its headers reached the application")

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with Listening(app).serving(listener, cast("Scope", None)):
        with anyio.fail_after(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nx-long: ")
            sent = 0
            try:
                while sent < 16 * BESIDES_BODY:
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    sent += 65536
                answer = await reader.read()
            except ConnectionError:
                answer = b""
            writer.close()
    assert sent < 16 * BESIDES_BODY or b" 400 " in answer
