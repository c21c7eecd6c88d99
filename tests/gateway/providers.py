"""A provider on this machine: answers like OpenAI and Anthropic, in a thread of its own."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

RESPONSES = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5,
             "output_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip
CHAT = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens": 5,
        "completion_tokens_details": {"reasoning_tokens": 2}}  # fmt: skip
MESSAGES = {"input_tokens": 6, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 0,
            "output_tokens": 1}  # fmt: skip


class Call(NamedTuple):
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)


class Scripted(NamedTuple):
    status: int
    headers: dict[str, str] = {}
    body: bytes = b'{"error": {"message": "scripted"}}'


class FakeProvider:
    """Records calls; answers from `script` first, then as a provider would."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.script: list[Scripted] = []
        self.trouble: Callable[[Call], Response | None] | None = None
        self.released = threading.Event()
        self.text = "hello"
        self.cut_streams = False
        self.fails_on = b""
        self.held = threading.Event()
        self.held.set()
        self.arrived = threading.Event()
        self.url = ""

    async def __call__(self, request: Request) -> Response:
        call = Call(
            request.url.path, request.url.query, dict(request.headers), await request.body()
        )
        self.calls.append(call)
        self.arrived.set()
        if self.fails_on in call.body and not self.held.is_set():
            await asyncio.to_thread(self.held.wait, 30)
        if self.fails_on and self.fails_on in call.body:
            return Response(Scripted(500).body, 500)
        if self.trouble and (answer := self.trouble(call)) is not None:
            return answer
        if self.script:
            scripted = self.script.pop(0)
            return Response(scripted.body, scripted.status, scripted.headers)
        told = call.told
        events = list(self._events(call.path, told))
        if told.get("stream"):
            headers = {"x-request-id": "r1"}
            return StreamingResponse(
                self._stream(events), media_type="text/event-stream", headers=headers
            )
        return Response(json.dumps(events[-1]), media_type="application/json")

    async def silence(self) -> AsyncIterator[bytes]:
        """Nothing, until the test is over."""
        await asyncio.to_thread(self.released.wait, 30)
        yield b""

    async def _stream(self, events: list[Any]) -> AsyncIterator[bytes]:
        for number, event in enumerate(events[:-1]):
            if self.cut_streams and number:
                raise ConnectionAbortedError
            name = f"event: {event['type']}\n" if "type" in event else ""
            yield f"{name}data: {json.dumps(event)}\n\n".encode()
            await asyncio.sleep(0)
        if "choices" in events[-1]:
            yield b"data: [DONE]\n\n"

    def _events(self, path: str, told: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The events of a stream, then the whole answer."""
        model = told.get("model")
        match path:
            case "/v1/responses":
                whole = {"id": "resp_1", "model": model, "output": self.text, "usage": RESPONSES}
                yield {"type": "response.output_text.delta", "delta": self.text}
                yield {"type": "response.completed", "response": whole}
                yield whole
            case "/v1/chat/completions":
                delta = {"choices": [{"index": 0, "delta": {"content": self.text}}], "model": model}
                asked = (told.get("stream_options") or {}).get("include_usage")
                yield {**delta, "usage": None} if asked else delta
                if asked:
                    yield {"choices": [], "model": model, "usage": CHAT}
                message = {"role": "assistant", "content": self.text}
                yield {"choices": [{"message": message}], "model": model, "usage": CHAT}
            case "/v1/messages":
                whole = {"type": "message", "content": [{"type": "text", "text": self.text}],
                         "usage": {**MESSAGES, "output_tokens": 5}}  # fmt: skip
                yield {"type": "message_start", "message": {"model": model, "usage": MESSAGES}}
                yield {"type": "content_block_delta", "delta": {"text": self.text}}
                yield {"type": "message_delta", "usage": {"output_tokens": 5}}
                yield {"type": "message_stop"}
                yield whole
            case "/v1/messages/count_tokens":
                yield {"input_tokens": 10}
            case _:
                yield {"data": [{"embedding": [0.0]}], "usage": {"prompt_tokens": 10}}


@contextmanager
def provider() -> Generator[FakeProvider]:
    """Run one for as long as the block lasts."""
    fake = FakeProvider()

    async def answer(request: Request) -> Response:
        return await fake(request)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST", "GET"])])
    listener = socket.create_server(("127.0.0.1", 0))
    fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.held.set()
        fake.released.set()
        server.should_exit = True
        thread.join(10)
        listener.close()
