"""The provider's side of the gateway: one connection pool, the real key, and tries again.

What is tried again: 408, 409, 429, 5xx, a connection that fails or stays silent, and an answer of
status 200 that is none. What is left then is the provider's failure (`ProviderFailed`: the trial is
void), unless others get through: a request that alone fails fails by itself, and its answer goes to
the harness. Who is to blame for any refusal is found by a call of our own, never by the harness's.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal, NamedTuple

import httpx2

from autoagent.config import Patience
from autoagent.gateway.calls.answering import Trouble, Watch, trouble_in
from autoagent.gateway.calls.asking import ModelCall
from autoagent.gateway.calls.clock import CallTime
from autoagent.gateway.calls.headers import Headers, auth_headers, passed_on, retry_after
from autoagent.gateway.calls.outage import Outage
from autoagent.gateway.calls.pacing import Pacing
from autoagent.gateway.calls.probing import (
    OUR_HEADERS,
    SPENT,
    Finding,
    Question,
    finding,
    first_known,
    pinned,
    questions,
)
from autoagent.gateway.plan import Upstream
from autoagent.gateway.providers import ProviderName, error_body

CONNECT_SECONDS, PROBE_SECONDS = 10.0, 30.0
IDLE_SECONDS = 60.0
"""A connection waits so long for the next call: tools run for seconds between two calls."""
TRUSTED_SECONDS = 1.0
"""A probe that went well is believed so long: harnesses that ask for refusals cost no more."""
BEGINNING = 64 * 1024
"""A stream's first event comes within so many bytes."""
_AGAIN = {408, 409, 429, 500, 502, 503, 504, 529}
_TOO_MANY = {429, 529}
_OURS = {401, 402, 407}
"""What is wrong is the key, the account or the proxy: nothing a harness says causes these."""
_DOUBTFUL = {403, 404, 405, 410}
"""The model, the path or the key may be wrong, or what the harness asked for."""
_TOO_LARGE = re.compile(rb"request too large|input is too long|reduce the length", re.IGNORECASE)


class ProviderFailed(Exception):
    """The provider, the way to it or the key failed, not the harness: the trial is void.

    Attributes:
        seen: What came instead of an answer, which may tell what it cost.
        began: The harness has seen the beginning of an answer.
        free: Without a word of what it cost it costs nothing.
    """

    def __init__(self, said: str, seen: bytes = b"", *, began: bool = False, free: bool = True):
        super().__init__(said)
        self.seen, self.began, self.free = seen, began, free


class Answer(NamedTuple):
    """What goes to the harness. `whole` is None where it is a stream, which `parts` are.

    `sound` unless it is of status 200 and no completion.
    """

    status: int
    headers: Headers
    whole: bytes | None
    parts: AsyncIterator[bytes]
    sound: bool = True


class _Try(NamedTuple):
    """What one try brought.

    `blame` is "" where the answer is the harness's to see; "again" where it may be better the next
    time; "added" where what the gateway added may be at fault; "doubt" where a call of our own
    tells whose fault it is; "ours" where nothing that a harness says causes it.
    """

    answer: Answer | None
    blame: Literal["", "again", "added", "doubt", "ours"] = ""
    why: str = ""
    too_many: bool = False
    after: float | None = None


class ProviderClient:
    """One upstream; `running` opens the connections."""

    def __init__(
        self,
        name: ProviderName,
        upstream: Upstream,
        key: str | None,
        patience: Patience | None = None,
        *,
        models: Sequence[str] = (),
        on_change: Callable[[str], None] = lambda cause: None,
    ) -> None:
        """Describe it.

        Args:
            name: Whose calls these are.
            upstream: Where they go.
            key: The real one.
            patience: How long a failing call is tried again.
            models: What is pinned there; the first is asked for by probes of our own.
            on_change: Told why the provider is out, and "" when it is back.
        """
        self.name: ProviderName = name
        self._upstream, self._models = upstream, models
        self._auth = auth_headers(upstream, key)
        self._takes_no_addition = False
        self.patience = patience or Patience()  # pyright: ignore[reportCallIssue]
        self.pacing = Pacing(self.patience)
        self.outage = Outage(self.patience, self.probe, on_change)
        self._client: httpx2.AsyncClient | None = None
        self._probing = asyncio.Lock()
        self._well_at = -TRUSTED_SECONDS

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep a pool of connections for as long as the block lasts."""
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line for each call
        limits = httpx2.Limits(
            max_connections=256, max_keepalive_connections=128, keepalive_expiry=IDLE_SECONDS
        )
        silence = self.patience.silence_seconds
        timeout = httpx2.Timeout(silence, connect=min(CONNECT_SECONDS, silence), pool=None)
        async with httpx2.AsyncClient(limits=limits, timeout=timeout) as client:
            self._client = client
            try:
                yield
            finally:
                await self.outage.close()
                self._client = None

    @asynccontextmanager
    async def answer(
        self, asked: ModelCall, headers: Headers, query: bytes, call: CallTime
    ) -> AsyncGenerator[Answer]:
        """The provider's answer, a stream not read yet; tried again while that helps.

        Args:
            asked: The call.
            headers: The harness's.
            query: The harness's.
            call: What it does with its trial's time.

        Raises:
            ProviderFailed: It gave none that is the harness's to see.
        """
        started, failures, doubted = _now(), 0, False
        body = asked.body if self._takes_no_addition else asked.forwarded
        while True:
            async with AsyncExitStack() as turn:
                with call.waiting():
                    await turn.enter_async_context(self.pacing.turn())
                turn.enter_context(call.asking())
                tried = await self._try(turn, asked, body, headers, query)
                if not tried.blame and tried.answer is not None:
                    if body is not asked.forwarded and tried.answer.status < 300:
                        self._takes_no_addition = True
                    call.done()
                    yield tried.answer
                    return
            if tried.blame == "added":
                body = asked.body
                continue
            failures += 1
            if tried.blame == "again":
                call.failed()
                wait = self.pacing.pause(failures, tried.after)
                if not doubted and not self.pacing.gives_up(failures, started, wait):
                    with call.waiting():
                        await asyncio.sleep(wait)
                    continue
            with call.waiting():
                found = await self._asked_ourselves(tried, asked, started)
            if found.state != "well":
                raise self._failed(tried, found, failures)
            if tried.blame == "again" and not doubted:
                doubted = True  # it fails alone, it seems: once more, to be sure
                continue
            call.own()
            yield tried.answer or _no_answer(self.name, tried.why)
            return

    async def probe(self, model: str = "", form: str | None = None) -> Finding:
        """Ask something of our own, about the pinned model behind `model`, and say how it went."""
        async with self._probing:  # one at a time: who waited believes what was found meanwhile
            if _now() - self._well_at < TRUSTED_SECONDS:
                return Finding("well")
            name = pinned(model, self._models) if model else next(iter(self._models), "")
            found: list[Finding] = []
            for asked in questions(self.name, name, form):
                if first_known(found):
                    break
                found.append(await self._answered(asked))
            last = found[-1] if first_known(found) else found[0]
            if last.state == "well":
                self._well_at = _now()
            return last

    async def _answered(self, asked: Question) -> Finding:
        assert self._client is not None, "the gateway is not running"
        url = self._upstream.base_url + asked.route.tail
        headers = [*self._auth, *OUR_HEADERS]
        limit = min(PROBE_SECONDS, self.patience.silence_seconds)
        try:
            answer = await self._client.post(
                url, content=asked.body, headers=headers, timeout=limit
            )
        except httpx2.HTTPError as error:
            return Finding("unreachable", f"cannot be reached: {said(error)}")
        return finding(asked.route, answer.status_code, answer.content)

    async def _asked_ourselves(self, tried: _Try, asked: ModelCall, started: float) -> Finding:
        """How the provider is for others than this call."""
        if tried.blame == "ours":
            return Finding("refused", tried.why)
        if tried.too_many:  # that a call of one token is welcome says nothing of a real one
            return Finding("busy", tried.why)
        if tried.blame == "again" and self.pacing.last_success > started:
            return Finding("well")
        return await self.probe(asked.model, asked.route.form)

    def _failed(self, tried: _Try, found: Finding, failures: int) -> ProviderFailed:
        """The provider is at fault; no trial begins until it answers again."""
        times = f", {failures} times" if failures > 1 else ""
        why = found.said if tried.blame == "doubt" else f"{tried.why}{times}"
        told = f"{self.name} {why}"
        self.outage.open(told)
        answer = tried.answer
        whole = answer.whole if answer is not None and answer.status < 300 else None
        return ProviderFailed(told, whole or b"")

    async def _try(
        self, turn: AsyncExitStack, asked: ModelCall, body: bytes, headers: Headers, query: bytes
    ) -> _Try:
        """Ask once; the answer stays open for as long as the turn."""
        asked_at = _now()
        try:
            response = await self._send(asked, body, headers, query)
            turn.push_async_callback(response.aclose)
            answer, trouble = await self._read(asked, response)
        except httpx2.TimeoutException as error:
            silent = isinstance(error, httpx2.ReadTimeout)
            gone = f"gave no answer for {self.patience.silence_seconds:g} s"
            return _Try(None, "again", gone if silent else f"cannot be reached: {said(error)}")
        except httpx2.HTTPError as error:
            return _Try(None, "again", f"cannot be reached: {said(error)}")
        status, whole = answer.status, answer.whole or b""
        why, after = f"answered {status}", retry_after(response)
        if status < 300:
            if trouble is None:
                self.pacing.went_well()
            if trouble is None or trouble.own:
                return _Try(answer._replace(sound=trouble is None))
            unsound = answer._replace(sound=False)
            return _Try(unsound, "again", f"answered {trouble} in the place of a completion")
        if SPENT.search(whole) and status in (429, 402):
            return _Try(answer, "ours", f"{why}: no money is left there")
        if status in _OURS:
            refused = f"refuses the key in {self._upstream.api_key_env} ({status})"
            return _Try(answer, "ours", refused)
        if status in _TOO_MANY:
            if _asks_too_much(asked, response, whole):
                return _Try(answer)
            self.pacing.too_many(after, asked_at)
            return _Try(answer, "again", why, too_many=True, after=after)
        if status in _AGAIN:
            return _Try(answer, "again", why, after=after)
        if status == 400 and body is not asked.body:
            return _Try(answer, "added", why)
        if status < 400 or status in _DOUBTFUL or SPENT.search(whole):
            return _Try(answer, "doubt", why)
        return _Try(answer)

    async def _send(
        self, asked: ModelCall, body: bytes, headers: Headers, query: bytes
    ) -> httpx2.Response:
        assert self._client is not None, "the gateway is not running"
        url = httpx2.URL(self._upstream.base_url + asked.route.tail)
        if query:
            url = url.copy_with(query=query)
        sent = [*passed_on(headers), *self._auth, (b"accept-encoding", b"identity")]
        request = httpx2.Request("POST", url, headers=sent, content=body)
        return await self._client.send(request, stream=True)

    async def _read(
        self, asked: ModelCall, response: httpx2.Response
    ) -> tuple[Answer, Trouble | None]:
        """The answer, whole or as far as its first event, and why it is none."""
        status, headers = response.status_code, response.headers.raw
        streamed = response.headers.get("content-type", "").startswith("text/event-stream")
        if not streamed or status >= 300:
            whole = await response.aread()
            trouble = trouble_in(asked.route.form, whole) if status < 300 else None
            return Answer(status, headers, whole, _nothing()), trouble
        parts, watch, begun = response.aiter_raw(), Watch(), bytearray()
        async for part in parts:
            begun += part
            watch.feed(part)
            if watch.begun or len(begun) > BEGINNING:
                break
        else:
            watch.end()
        trouble = watch.trouble if watch.begun else Trouble("a stream without an event")
        if watch.trouble is not None:
            return Answer(status, headers, bytes(begun), _nothing()), trouble
        rest = self._rest(bytes(begun), parts, watch)
        return Answer(status, headers, None, rest), trouble

    async def _rest(
        self, begun: bytes, parts: AsyncIterator[bytes], watch: Watch
    ) -> AsyncIterator[bytes]:
        """The parts of a stream that began well.

        Raises:
            ProviderFailed: It broke off, stopped, or told an error that is not the harness's own.
        """
        yield begun
        try:
            async for part in parts:
                watch.feed(part)
                yield part
                if watch.trouble is not None and not watch.trouble.own:
                    break
            watch.end()
        except httpx2.HTTPError as error:
            # What came was made and is paid for; where it tells no usage, all that was reserved.
            why = f"{self.name} broke off: {said(error)}"
            raise ProviderFailed(why, began=True, free=False) from error
        if watch.trouble is not None and not watch.trouble.own:
            raise ProviderFailed(f"{self.name} broke off with {watch.trouble}", began=True)
        if watch.trouble is None and not watch.whole:
            why = f"{self.name} broke off: the stream ended before its last event"
            raise ProviderFailed(why, began=True, free=False)


def _asks_too_much(asked: ModelCall, response: httpx2.Response, body: bytes) -> bool:
    """Whether a refusal for too many says that this call alone is more than is ever granted."""
    if _TOO_LARGE.search(body):
        return True
    least = len(asked.body) // 8 + (asked.output_most or 0)  # a token is seldom so long
    told = response.headers.get("x-ratelimit-limit-tokens", "")
    return told.isdigit() and least > int(told)


def _no_answer(provider: ProviderName, why: str) -> Answer:
    """What the harness sees where its call alone gets no answer."""
    whole = error_body(provider, 504, "no_answer", f"{provider} {why}, and answers other calls.")
    return Answer(504, [(b"content-type", b"application/json")], whole, _nothing())


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def said(error: httpx2.HTTPError) -> str:
    """An error of the connection in words."""
    return f"{type(error).__name__} {error}".strip()


def _now() -> float:
    return asyncio.get_running_loop().time()
