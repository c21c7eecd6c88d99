"""One call from its first byte to its settlement, in the order in which things are decided.

Read, pin, budget, recording or provider, answer, settle, write down. Whatever happens in
between, money that was reserved is settled and the exchange is written down. An answer is the
provider's, byte for byte, but for a key that it repeats and the usage that only the gateway
asked for.
"""

import asyncio
import json
import re
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from hmac import compare_digest
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from autoagent.gateway.calls.asking import BODY_LIMIT, CallRefused, ModelCall, read
from autoagent.gateway.calls.clock import CallTime
from autoagent.gateway.calls.headers import Headers, passed_on
from autoagent.gateway.calls.recording import Exchange
from autoagent.gateway.calls.redact import Redactor
from autoagent.gateway.calls.scope import End, Payment, Scope
from autoagent.gateway.calls.upstream import ProviderClient, ProviderFailed
from autoagent.gateway.money.usage import Meter, json_object
from autoagent.gateway.providers import ProviderName, Route, error_body, provider_of_path

KEPT = 16 * 1024 * 1024
NO_ANSWER = 504
"""The provider was silent, for this call alone; what it was asked may cost all the same."""
_QUERY = re.compile(rb"[\w=&.,:%+-]{0,500}")
_BETWEEN = re.compile(rb"(\r?\n\r?\n)")


class Relay:
    """One answer on its way, and its first `kept` bytes; read on when nobody listens any more."""

    def __init__(self, send: Send, redactor: Redactor, *, hides_usage: bool, kept: int) -> None:
        self._send, self._redactor, self._kept = send, redactor, kept
        self._hides_usage, self._pending = hides_usage, b""
        self._copy = bytearray()

    @property
    def sent(self) -> bytes:
        """What the harness was sent, up to the limit."""
        return bytes(self._copy)

    async def begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The status and the headers."""
        shown = [(name, self._redactor.data(value)) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": shown})

    async def part(self, data: bytes) -> None:
        """The next bytes of a stream."""
        if self._hides_usage:
            data = self._without_usage(data)
        if data:
            first = not self._copy
            await self._body(self._redactor.data(data), more=True)
            if first:
                await asyncio.sleep(0)  # it leaves now, whatever has arrived behind it

    async def finish(self, data: bytes = b"") -> None:
        """The last bytes."""
        rest, self._pending = self._pending, b""
        await self._body(self._redactor.data(rest + data), more=False)
        await asyncio.sleep(0)  # it leaves now; counting and writing it down come after

    async def _body(self, data: bytes, *, more: bool) -> None:
        self._copy += data[: max(0, self._kept - len(self._copy))]
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def _without_usage(self, data: bytes) -> bytes:
        """Whole events, but for the one that the harness did not ask for."""
        pieces = _BETWEEN.split(self._pending + data)
        self._pending = pieces.pop()
        pairs = zip(pieces[::2], pieces[1::2], strict=True)
        return b"".join(event + end for event, end in pairs if not _only_usage(event))


def _only_usage(event: bytes) -> bool:
    if not event.startswith(b"data:") or b'"usage"' not in event:
        return False
    try:
        told = json_object(json.loads(event[5:]))
    except (ValueError, RecursionError):
        return False
    return told.get("choices") == [] and bool(told.get("usage"))


class Endpoint:
    """A path that harnesses may post to."""

    def __init__(
        self,
        route: Route,
        providers: Mapping[str, ProviderClient],
        let_through: Collection[str] = (),
    ) -> None:
        self._route, self._providers, self._let_through = route, providers, let_through

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        """Answer one call."""
        caller: Scope = connection["state"]["caller"]
        if not _brings(connection["headers"], connection["state"]["key"]):
            message = "This listener answers only to the key that its own trial was given."
            answer = _error(self._route.provider, 401, "no_key", message)
            await answer(connection, receive, send)
            return
        async with caller.slots:
            call = _Call(self._route, caller, receive, send)
            try:
                body = await _body(connection, receive)
                asked = read(self._route, body, self._let_through)
                caller.check(asked)
                provider = self._providers.get(self._route.provider)
                if provider is None:
                    raise CallRefused(
                        403,
                        "not_configured",
                        f"No {self._route.provider} is configured in autoagent.toml's [gateway].",
                    )
                query: bytes = connection["query_string"]
                if not _QUERY.fullmatch(query):
                    raise CallRefused(400, "invalid_request", "The query cannot be forwarded.")
                call.asked = asked
                await call.play(provider, connection["headers"], query)
            except CallRefused as refused:
                answer = call.refuse(refused)
                await answer(connection, receive, send)
            except ClientDisconnect:
                return


def _brings(headers: Headers, key: str | None) -> bool:
    """Whether a call brings the key that its listener wants, in any of the usual headers."""
    if key is None:
        return True
    wanted = {b"authorization": f"Bearer {key}".encode(), b"x-api-key": key.encode()}
    wanted[b"api-key"] = wanted[b"x-api-key"]
    return any(compare_digest(wanted[name], value) for name, value in headers if name in wanted)


async def elsewhere(connection: Connection, receive: Receive, send: Send) -> None:
    """Every other path: there is nothing, and the caller is told so in its own terms."""
    path: str = connection["path"]
    message = f"{connection['method']} {path[:200]} is nothing that the gateway forwards."
    answer = _error(provider_of_path(path), 404, "not_found", message)
    await answer(connection, receive, send)


class _Call:
    """One call."""

    def __init__(self, route: Route, caller: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._route, self._caller, self._redactor = route, caller, caller.redactor
        self._number, self._started = caller.number(), _now()
        self._first_byte = 0.0
        self._send = send
        self._answer: Relay | None = None
        self._status, self._headers = 0, Headers()
        self._answered_by = ""
        self.asked: ModelCall | None = None

    async def play(self, provider: ProviderClient, headers: Headers, query: bytes) -> None:
        """Pay, then ask the provider or the recording.

        Raises:
            CallRefused: It cannot be paid, or is not in the recording.
        """
        asked, caller = self.asked, self._caller
        assert asked is not None
        self._answer = Relay(self._send, self._redactor, hides_usage=asked.adds_usage, kept=KEPT)
        recorded = caller.repeat(self._route.path, asked.body)
        payment = await caller.reserve(asked)
        if recorded is not None:
            await self._repeat(recorded, payment)
            return
        meter = Meter(self._route.form, streamed=asked.stream)
        usage, free, failed = None, False, ""
        time = caller.clock.call()
        leaving = asyncio.create_task(self._until_gone(time))
        try:
            async with AsyncExitStack() as under_way:
                heard = under_way.enter_context(caller.under_way())
                answer = await under_way.enter_async_context(
                    provider.answer(asked, headers, query, time)
                )
                self._status, self._headers = answer.status, passed_on(answer.headers)
                free = self._status >= 400 and self._status != NO_ANSWER
                if answer.whole is None:
                    await self._answer.begin(self._status, self._headers)
                    async for chunk in answer.parts:
                        self._first_byte = self._first_byte or _now() - self._started
                        heard[0] = _now()
                        meter.feed(chunk)
                        await self._answer.part(chunk)
                    await self._answer.finish()
                else:
                    self._first_byte = _now() - self._started
                    if asked.stream:
                        meter = Meter(self._route.form, streamed=False)
                    meter.feed(answer.whole)
                    await self._finish(answer.whole)
            usage = None if self._status >= 400 else meter.end()
            free = free or (not answer.sound and usage is None)
            caller.answered = caller.answered or (self._status < 300 and answer.sound)
            self._answered_by = meter.answered_by
        except ProviderFailed as failure:
            failed = self._redactor.text(str(failure))
            if failure.seen:
                meter = Meter(self._route.form, streamed=False)
                meter.feed(failure.seen)
            usage = meter.end() if failure.seen or failure.began else None
            free = failure.free and usage is None
            caller.finish(End("fault", failed))
            if failure.began:
                raise  # the harness sees the stream break off, as it broke off here
            self._status = 502
            await self._finish(error_body(self._route.provider, 502, "provider_failed", failed))
        finally:
            leaving.cancel()
            time.done()
            dollars = caller.settle(payment, usage, free=free, dollars=None)
            self._record(usage=usage, dollars=dollars, failed=failed)

    async def _until_gone(self, time: CallTime) -> None:
        """The clock does not stand still for a call that its harness has left."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        time.abandon()

    def refuse(self, refused: CallRefused) -> Response:
        """Write a refusal down; the answer that tells it."""
        self._status = refused.status
        self._record(refused=f"{refused.code}: {refused.message}")
        return _error(self._route.provider, refused.status, refused.code, refused.message)

    async def _repeat(self, recorded: Exchange, payment: Payment | None) -> None:
        self._status, self._answered_by = recorded.status, recorded.answered_by
        self._headers = [(n.encode("latin-1"), v.encode("latin-1")) for n, v in recorded.headers]
        if recorded.failed:
            self._caller.finish(End("fault", recorded.failed))
        elif recorded.status < 300:
            self._caller.answered = True
        dollars = self._caller.settle(
            payment, recorded.usage, free=recorded.status >= 400, dollars=recorded.dollars
        )
        await self._finish(recorded.answer)
        self._record(usage=recorded.usage, dollars=dollars, failed=recorded.failed)

    async def _finish(self, body: bytes) -> None:
        """A whole answer, with its length."""
        assert self._answer is not None
        shown = self._redactor.data(body)
        length = (b"content-length", str(len(shown)).encode())
        await self._answer.begin(self._status, [*self._headers, length])
        await self._answer.finish(shown)

    def _record(self, **ended: Any) -> None:
        """Write the exchange down, with those of its fields that say how it `ended`."""
        pairs = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in self._headers)
        self._caller.record(
            Exchange(
                number=self._number,
                path=self._route.path,
                request=self.asked.body if self.asked else b"",
                status=self._status,
                headers=pairs,
                answer=self._answer.sent if self._answer else b"",
                seconds=_now() - self._started,
                first_byte_seconds=self._first_byte,
                answered_by=self._answered_by,
                **ended,
            ),
            self.asked.model if self.asked else "",
        )


async def _body(connection: Connection, receive: Receive) -> bytes:
    if connection["method"] != "POST":
        raise CallRefused(404, "not_found", f"{connection['method']} is not forwarded; POST is.")
    parts: list[bytes] = []
    size = 0
    async for part in Request(connection, receive).stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise CallRefused(413, "too_large", f"A call is limited to {BODY_LIMIT // 2**20} MiB.")
        parts.append(part)
    return b"".join(parts)


def _error(provider: ProviderName, status: int, code: str, message: str) -> Response:
    """An error of ours, in the provider's shape; SDKs are told not to try again."""
    body = error_body(provider, status, code, message)
    return Response(body, status, {"x-should-retry": "false"}, "application/json")


def _now() -> float:
    return asyncio.get_running_loop().time()
