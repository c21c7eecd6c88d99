"""The provider's side of the gateway: one connection pool, the real key, and tries again.

What is tried again: 408, 409, 429, 5xx and a connection that fails. What is left then is the
provider's failure (`ProviderFailed`: the trial is void), unless other calls got through in the
meantime: a request that alone fails fails by itself, and its answer goes to the harness.
"""

import asyncio
import email.utils
import logging
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2

from autoagent.gateway.asking import Asked
from autoagent.gateway.manners import Manners, Patience
from autoagent.gateway.plan import Upstream
from autoagent.gateway.providers import auth_headers

CONNECT_SECONDS, READ_SECONDS = 10.0, 600.0
IDLE_SECONDS = 60.0
"""A connection waits so long for the next call: tools run for seconds between two calls."""
_AGAIN = {408, 409, 429, 500, 502, 503, 504, 529}
_OURS = {401, 402, 407}
"""What is wrong is the key, the account or the proxy: nothing a harness says causes these."""
NOT_FORWARDED = {
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-api-key",
}
"""Hop-by-hop headers, everything that authenticates, and encodings that hide the usage."""

Headers = list[tuple[bytes, bytes]]


class ProviderFailed(Exception):
    """The provider, the way to it or the key failed, not the harness: the trial is void."""


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request or of an answer that go through."""
    return [
        (name, value)
        for name, value in headers
        if (plain := name.decode("latin-1").lower()) not in NOT_FORWARDED
        and not plain.startswith("x-forwarded-")
    ]


class Provider:
    """One upstream."""

    def __init__(
        self, name: str, upstream: Upstream, key: str | None, patience: Patience | None = None
    ) -> None:
        """Know where it is and how to ask; `running` opens the connections."""
        self.name, self._upstream = name, upstream
        auth = auth_headers(upstream.auth, key)
        self._auth = [(header.encode(), value.encode()) for header, value in auth.items()]
        self._urls: dict[str, httpx2.URL] = {}
        self.manners = Manners(patience)
        self._client: httpx2.AsyncClient | None = None

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep a pool of connections for as long as the block lasts."""
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line for each call
        limits = httpx2.Limits(
            max_connections=256, max_keepalive_connections=128, keepalive_expiry=IDLE_SECONDS
        )
        timeout = httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None)
        async with httpx2.AsyncClient(limits=limits, timeout=timeout) as client:
            self._client = client
            yield
            self._client = None

    @asynccontextmanager
    async def answer(
        self, asked: Asked, headers: Headers, query: bytes
    ) -> AsyncGenerator[httpx2.Response]:
        """The provider's answer, its body not read yet; tried again while that helps.

        Raises:
            ProviderFailed: It gave none that is the harness's to see.
        """
        started, failures = _now(), 0
        while True:
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(self.manners.turn())
                asked_at, response = _now(), None
                try:
                    response = await self._send(asked, headers, query)
                    turn.push_async_callback(response.aclose)
                    if response.status_code not in _AGAIN:
                        self._judge(response.status_code)
                        yield response
                        return
                    why = f"{self.name} answered {response.status_code}"
                    hopeless = await _hopeless(response)
                except httpx2.HTTPError as error:
                    if response is not None and response.status_code not in _AGAIN:
                        raise ProviderFailed(f"{self.name} broke off: {_said(error)}") from error
                    why, hopeless = f"{self.name} cannot be reached: {_said(error)}", False
                failures += 1
                after = None if response is None else _retry_after(response)
                if response is not None and response.status_code in (429, 529):
                    self.manners.too_many(after, asked_at)
                wait = self.manners.pause(failures, after)
                if hopeless or self.manners.gives_up(failures, started, wait):
                    if response is not None and self._fails_alone(response, started):
                        yield response
                        return
                    raise ProviderFailed(f"{why}, {failures} times")
            await asyncio.sleep(wait)

    async def _send(self, asked: Asked, headers: Headers, query: bytes) -> httpx2.Response:
        assert self._client is not None, "the gateway is not running"
        url = self._urls.get(asked.route.tail)
        if url is None:
            url = self._urls[asked.route.tail] = httpx2.URL(
                self._upstream.base_url + asked.route.tail
            )
        if query:
            url = url.copy_with(query=query)
        ours = [*self._auth, (b"accept-encoding", b"identity")]
        request = httpx2.Request(
            "POST", url, headers=[*passed_on(headers), *ours], content=asked.forwarded
        )
        return await self._client.send(request, stream=True)

    def _judge(self, status: int) -> None:
        """An answer that is not tried again: well, the harness's own fault, or ours."""
        if status in _OURS or (status == 403 and self.manners.last_success < 0):
            raise ProviderFailed(
                f"{self.name} refuses the key in {self._upstream.api_key_env} ({status})"
            )
        if status < 400:
            self.manners.went_well()

    def _fails_alone(self, response: httpx2.Response, started: float) -> bool:
        """Whether this request is to blame: others went well while it was tried."""
        return response.status_code not in (429, 529) and self.manners.last_success > started


async def _hopeless(response: httpx2.Response) -> bool:
    """Read a failure's body, to pass it on or to see that no waiting will help."""
    body = await response.aread()
    return response.status_code == 429 and b"insufficient_quota" in body


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds the provider asks to wait: milliseconds, seconds, or a date."""
    try:
        if milliseconds := response.headers.get("retry-after-ms"):
            return max(0.0, float(milliseconds) / 1000)
        told = response.headers.get("retry-after", "")
        if told.replace(".", "", 1).isdigit():
            return float(told)
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _said(error: httpx2.HTTPError) -> str:
    return f"{type(error).__name__} {error}".strip()


def _now() -> float:
    return asyncio.get_running_loop().time()
