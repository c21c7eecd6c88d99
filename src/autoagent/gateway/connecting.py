"""Connections to providers that send a request in one piece.

httpx2 sends a request's headers and its body apart. That wakes the other side twice, and on a
machine with few processors it answers the first half before the second is sent.
"""

import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, cast

import httpcore2
import httpx2


class OnePiece(httpx2.AsyncHTTPTransport):
    """httpx2's transport, whose requests leave as one piece."""

    def __init__(self, limits: httpx2.Limits) -> None:
        """Prepare it; connections open with the first call."""
        context = httpx2.create_ssl_context()
        super().__init__(verify=context, limits=limits)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Network(),
        )


class _Network(httpcore2.AsyncNetworkBackend):
    def __init__(self) -> None:
        self._inner = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return _Gathered(
            await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        )

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Gathered(httpcore2.AsyncNetworkStream):
    """A stream that sends what was written when an answer is waited for."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream, self._parts = stream, list[bytes]()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._parts.append(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._parts:
            data, self._parts = b"".join(self._parts), []
            with suppress(httpcore2.WriteError):  # it may have answered before it hung up
                await self._stream.write(data, timeout)
        return await self._stream.read(max_bytes, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        return _Gathered(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
