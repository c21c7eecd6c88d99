"""A scripted model endpoint: what a coding agent's client takes for the API of its model.

A client sends the whole conversation with every request, in the form of some API. `Endpoint`
translates it into one form, `Asked`, lets a script answer, and translates the answer back. A script
is a function of what it is shown, so it plays on after a crash or a compaction as a model would.
Another API is another `Form` in `FORMS`.
"""

import json
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, override
from uuid import uuid4

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A tool call that the model makes."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Result:
    """What a tool answered, beside the call it answers; `id` is the call's."""

    id: str
    call: Call
    text: str
    is_error: bool = False


@dataclass(frozen=True)
class Asked:
    """One request: what the model is shown, oldest first.

    `heard` holds what came from the client's side: texts (prompts, reminders, what hooks say)
    and tools' results. `tools` are the names of those that may be called.
    """

    path: str
    model: str
    system: str
    tools: tuple[str, ...]
    heard: tuple[str | Result, ...]
    body: Json


@dataclass(frozen=True)
class Answer:
    """What the model says, and calls. `context_tokens` is how long it claims the prompt was."""

    text: str = ""
    calls: Sequence[Call] = ()
    context_tokens: int = 1000


Script = Callable[[Asked], Answer]
Event = tuple[str, Json]
"""A server-sent event: its name (empty where the API gives none) and its data."""


class Form(Protocol):
    """One API: how a request is read, and how an answer is written."""

    def read(self, path: str, body: Json) -> Asked: ...
    def whole(self, asked: Asked, answer: Answer) -> Json: ...
    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]: ...


class Messages:
    """Anthropic's Messages API: `/v1/messages`."""

    def read(self, path: str, body: Json) -> Asked:
        calls: dict[str, Call] = {}
        heard: list[str | Result] = []
        for message in body.get("messages", []):
            for block in _blocks(message["content"]):
                match block["type"]:
                    case "tool_use":
                        calls[block["id"]] = Call(block["name"], block["input"])
                    case "tool_result":
                        made: str = block["tool_use_id"]
                        call, text = calls.get(made, Call("unknown")), _text(block.get("content"))
                        heard.append(Result(made, call, text, bool(block.get("is_error"))))
                    case "text" if message["role"] != "assistant":
                        heard.append(block["text"])
                    case _:
                        pass
        tools = tuple(tool["name"] for tool in body.get("tools", []))
        system = _text(body.get("system", ""))
        return Asked(path, str(body.get("model")), system, tools, tuple(heard), body)

    def whole(self, asked: Asked, answer: Answer) -> Json:
        text = [{"type": "text", "text": answer.text}] if answer.text else []
        calls = [
            {"type": "tool_use", "id": _id("toolu"), "name": call.name, "input": call.arguments}
            for call in answer.calls
        ]
        return {
            "id": _id("msg"),
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": [*text, *calls],
            "stop_reason": "tool_use" if calls else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": answer.context_tokens,
                "output_tokens": 50,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
            },
        }

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        whole = self.whole(asked, answer)
        content, whole["content"] = whole["content"], []
        end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        whole["stop_reason"] = None
        yield "message_start", {"message": whole}
        for index, block in enumerate(content):
            if block["type"] == "text":
                start, delta = block | {"text": ""}, ("text_delta", "text", block["text"])
            else:
                start = block | {"input": {}}
                delta = ("input_json_delta", "partial_json", json.dumps(block["input"]))
            yield "content_block_start", {"index": index, "content_block": start}
            told = {"type": delta[0], delta[1]: delta[2]}
            yield "content_block_delta", {"index": index, "delta": told}
            yield "content_block_stop", {"index": index}
        yield "message_delta", {"delta": end, "usage": whole["usage"]}
        yield "message_stop", {}


def _blocks(content: Any) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(content: Any) -> str:
    return "\n".join(block.get("text", "") for block in _blocks(content or ""))


def _id(kind: str) -> str:
    return f"{kind}_{uuid4().hex[:24]}"


FORMS: dict[str, Form] = {"/v1/messages": Messages()}
"""By the path that a client posts to."""


class Endpoint:
    """Answers requests by a script; `asked` is everything that was asked of it, in order."""

    def __init__(self, script: Script) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._script = script
        self._turn = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        """One at a time: a script may remember things."""
        with self._turn:
            self.asked.append(asked)
            return self._script(asked)


@contextmanager
def serving(script: Script) -> Generator[Endpoint]:
    """An endpoint at its `url`, on a free port of the loopback interface."""
    endpoint = Endpoint(script)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._send("text/plain", b"")

        def do_GET(self) -> None:
            self._send("application/json", b"{}")

        def do_POST(self) -> None:
            path = self.path.partition("?")[0]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            form = FORMS.get(path)
            if form is None:  # telemetry, token counts: nothing that needs an answer
                self._send("application/json", b'{"input_tokens": 1}')
                return
            asked = form.read(path, body)
            answer = endpoint.answer(asked)
            if body.get("stream"):
                events = form.events(asked, answer)
                self._send("text/event-stream", b"".join(_sse(*event) for event in events))
            else:
                self._send("application/json", json.dumps(form.whole(asked, answer)).encode())

        def _send(self, kind: str, data: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        @override
        def handle(self) -> None:
            with suppress(ConnectionError):  # the client was killed
                super().handle()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        endpoint.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def _sse(name: str, data: Json) -> bytes:
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(({'type': name} if name else {}) | data)}\n\n".encode()
