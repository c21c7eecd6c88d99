"""The provider's side of the gateway: its pace, one connection pool, the real key, and tries again.

Concurrency adapts, one limiter for all trials: a refusal for too many calls halves it, answers let
it grow again. A `retry-after` that one trial met holds for all of them.

What is tried again: 408, 409, 429, 5xx and a connection that fails. What is left then is the
provider's failure (`ProviderFailed`: the trial is void), unless other calls got through in the
meantime: a request that alone fails fails by itself, and its answer goes to the harness.
"""

import asyncio
import email.utils
import logging
import random
import re
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple

import httpx2

from autoagent.gateway.asking import ModelCall
from autoagent.gateway.plan import Upstream

CONNECT_SECONDS, READ_SECONDS = 10.0, 600.0
IDLE_SECONDS = 60.0
"""A connection waits so long for the next call: tools run for seconds between two calls."""
_AGAIN = {408, 409, 429, 500, 502, 503, 504, 529}
_OURS = {401, 402, 407}
"""What is wrong is the key, the account or the proxy: nothing a harness says causes these."""
_NOT_FORWARDED = re.compile(
    rb"connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-length|expect|host|via"
    rb"|forwarded|x-forwarded-.*|proxy-(authenticate|authorization|connection)"
    rb"|authorization|api-key|x-api-key|cookie|set-cookie"
    rb"|accept-encoding",
    re.IGNORECASE | re.DOTALL,
)
"""Hop-by-hop headers, everything that authenticates, and encodings that hide the usage."""

Headers = list[tuple[bytes, bytes]]


class Patience(NamedTuple):
    """How long a failing call is tried again; seconds."""

    tries: int = 6
    first: float = 0.5
    longest: float = 30.0
    longest_asked: float = 120.0
    in_all: float = 300.0


class Pacing:
    """The turns that calls to one provider take."""

    def __init__(self, patience: Patience | None = None, most: int = 128) -> None:
        """Begin with half of `most` calls at a time."""
        self.patience = patience or Patience()
        self._most, self._limit = float(most), max(1.0, most / 2)
        self._busy = 0
        self._not_before = 0.0
        self._slowed_at = 0.0
        self._free = asyncio.Condition()
        self.last_success = -1.0
        """When a call last went well, on the loop's clock."""

    @property
    def limit(self) -> int:
        """Calls that may be under way at the same time, at present."""
        return int(self._limit)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until one more call is welcome; it is under way for as long as the block lasts."""
        async with self._free:
            await self._free.wait_for(lambda: self._busy < self.limit)
            self._busy += 1
        try:
            await self._welcome()
            yield
        finally:
            self._busy -= 1
            async with self._free:
                self._free.notify_all()

    async def _welcome(self) -> None:
        """Wait out what the provider asked for, and what it asked for since."""
        wait = self._not_before - _now()
        if wait > 0:
            await asyncio.sleep(wait * random.uniform(1.0, 1.1))
            await self._welcome()

    def went_well(self) -> None:
        """A call was answered: a little more is welcome."""
        self._limit = min(self._most, self._limit + 1 / self._limit)
        self.last_success = _now()

    def too_many(self, retry_after: float | None, started: float) -> None:
        """The provider asks for less; calls started before it last asked tell nothing new."""
        if started >= self._slowed_at:
            self._limit, self._slowed_at = max(1.0, self._limit / 2), _now()
        if retry_after is not None:
            until = _now() + min(retry_after, self.patience.longest_asked)
            self._not_before = max(self._not_before, until)

    def pause(self, failures: int, retry_after: float | None) -> float:
        """Seconds to wait after so many failures: longer each time, and never in step."""
        if retry_after is not None:
            return min(retry_after, self.patience.longest_asked) * random.uniform(1.0, 1.1)
        longest = min(self.patience.longest, self.patience.first * 2.0 ** (failures - 1))
        return longest * random.uniform(0.5, 1.0)

    def gives_up(self, failures: int, started: float, wait: float) -> bool:
        """Whether another try would be one too many."""
        tired = _now() + wait - started > self.patience.in_all
        return failures >= self.patience.tries or tired


class ProviderFailed(Exception):
    """The provider, the way to it or the key failed, not the harness: the trial is void."""


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a request or of an answer that go through."""
    return [(name, value) for name, value in headers if not _NOT_FORWARDED.fullmatch(name)]


class ProviderClient:
    """One upstream; `running` opens the connections."""

    def __init__(
        self, name: str, upstream: Upstream, key: str | None, patience: Patience | None = None
    ) -> None:
        self.name, self._upstream = name, upstream
        self._auth = Headers()
        if key is not None and upstream.auth == "bearer":
            self._auth = [(b"authorization", f"Bearer {key}".encode())]
        elif key is not None:
            self._auth = [(upstream.auth.encode(), key.encode())]
        self.pacing = Pacing(patience)
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
        self, asked: ModelCall, headers: Headers, query: bytes
    ) -> AsyncGenerator[httpx2.Response]:
        """The provider's answer, its body not read yet; tried again while that helps.

        Raises:
            ProviderFailed: It gave none that is the harness's to see.
        """
        started, failures = _now(), 0
        while True:
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(self.pacing.turn())
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
                    self.pacing.too_many(after, asked_at)
                wait = self.pacing.pause(failures, after)
                if hopeless or self.pacing.gives_up(failures, started, wait):
                    if response is not None and self._fails_alone(response, started):
                        yield response
                        return
                    raise ProviderFailed(f"{why}, {failures} times")
            await asyncio.sleep(wait)

    async def _send(self, asked: ModelCall, headers: Headers, query: bytes) -> httpx2.Response:
        assert self._client is not None, "the gateway is not running"
        url = httpx2.URL(self._upstream.base_url + asked.route.tail)
        if query:
            url = url.copy_with(query=query)
        ours = [*self._auth, (b"accept-encoding", b"identity")]
        request = httpx2.Request(
            "POST", url, headers=[*passed_on(headers), *ours], content=asked.forwarded
        )
        return await self._client.send(request, stream=True)

    def _judge(self, status: int) -> None:
        """An answer that is not tried again: well, the harness's own fault, or ours."""
        if status in _OURS or (status == 403 and self.pacing.last_success < 0):
            raise ProviderFailed(
                f"{self.name} refuses the key in {self._upstream.api_key_env} ({status})"
            )
        if status < 400:
            self.pacing.went_well()

    def _fails_alone(self, response: httpx2.Response, started: float) -> bool:
        """Whether this request is to blame: others went well while it was tried."""
        return response.status_code not in (429, 529) and self.pacing.last_success > started


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
