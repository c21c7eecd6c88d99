"""The stand-in over HTTP, on loopback: OpenAI responses and chat completions, Anthropic messages.

llm-mock-api reads requests and writes answers in each provider's form, streamed and not.
Tokens are counted at four characters each, over everything a provider would count.
"""

import asyncio
import json
import socket
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autoagent.errors import ConfigError, InfrastructureFault
from autoagent.gateway.standin.conversation import read
from autoagent.gateway.standin.mind import think
from autoagent.gateway.standin.rules import Rules, load_rules
from autoagent.installed import extra, installing
from autoagent.records import STAND_IN_ENDING

HOST = "127.0.0.1"
CHUNK_CHARACTERS = 40
START_SECONDS = 20.0
_COUNTED = ("instructions", "system", "input", "messages", "tools")


def make_app(rules: Rules) -> Starlette:
    """The stand-in as an ASGI application.

    Raises:
        ConfigError: The extra that brings llm-mock-api is not installed.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # of its docstrings' escapes
            from llm_mock_api.formats import anthropic
            from llm_mock_api.formats.openai import chat_completions, responses
            from llm_mock_api.logger import Logger
            from llm_mock_api.route_handler import RouteHandlerDeps, create_route_handler
            from llm_mock_api.rule_engine import RuleEngine
            from llm_mock_api.types.reply import ReplyObject, ReplyOptions, ToolCall, Usage
    except ImportError as error:
        raise ConfigError(
            f"The stand-in model needs {error.name}, which an extra brings.",
            installing(*extra("standin")),
        ) from error

    def reply(asked: Any) -> ReplyObject:
        turn = think(rules, read(asked.raw))
        tools = [ToolCall(name=turn.tool, args=dict(turn.arguments))] if turn.tool else None
        said = turn.text + json.dumps([turn.tool, dict(turn.arguments)]) * bool(turn.tool)
        usage = Usage(input=tokens(asked.raw), output=_tokens(said))
        return ReplyObject(text=turn.text or None, tools=tools, usage=usage)

    engine = RuleEngine()
    engine.add(lambda _: True, reply)
    nothing: Any = _NoHistory()
    deps = RouteHandlerDeps(
        engine=engine,
        history=nothing,
        logger=Logger("error"),
        default_options=ReplyOptions(latency=0, chunk_size=CHUNK_CHARACTERS),
        get_fallback=lambda: rules.otherwise,
    )
    formats = (
        responses.responses_format,
        chat_completions.chat_completions_format,
        anthropic.anthropic_format,
    )
    routes = [
        Route(form.route, create_route_handler(_labelled(form), deps), methods=["POST"])
        for form in formats
    ]
    routes.append(Route("/v1/messages/count_tokens", _count_tokens, methods=["POST"]))
    return Starlette(routes=routes)


class _NoHistory:
    def record(self, request: object, rule: object) -> None:
        """Keep nothing: a night has many requests."""


def tokens(body: dict[str, Any]) -> int:
    """How many tokens a request is charged: its prompt, its messages and its tools."""
    return _tokens(json.dumps([body[part] for part in _COUNTED if part in body]))


def _tokens(text: str) -> int:
    return (len(text) + 3) // 4


async def _count_tokens(request: Request) -> Response:
    return JSONResponse({"input_tokens": tokens(await request.json())})


def _labelled(form: Any) -> Any:
    """A wire format whose answers say that a stand-in wrote them."""

    def label(model: str) -> str:
        return model if model.endswith(STAND_IN_ENDING) else f"{model}{STAND_IN_ENDING}"

    def streamed(reply: Any, model: str, options: Any = None) -> Any:
        return form.serialize(reply, label(model), options)

    def whole(reply: Any, model: str) -> Any:
        return form.serialize_complete(reply, label(model))

    return replace(form, serialize=streamed, serialize_complete=whole)


def serve(path: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serve a rules file until interrupted; `ready` is told the base URL.

    Raises:
        ConfigError: The rules cannot be used, or the extra is missing.
        InfrastructureFault: The port is taken.
    """
    app = make_app(load_rules(path))
    with _bound(port) as listening:
        ready(_url(listening))
        asyncio.run(_server(app).serve(sockets=[listening]))


@contextmanager
def running(rules: Rules) -> Generator[str]:
    """Serve in a thread for as long as the block lasts; the base URL, without `/v1`."""
    server = _server(make_app(rules))
    with _bound(0) as listening:
        thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
        thread.start()
        try:
            yield _url(listening)  # bound and listening: the first request waits for the loop
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


def _server(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))


def _url(listening: socket.socket) -> str:
    return f"http://{HOST}:{listening.getsockname()[1]}"


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise InfrastructureFault(
            f"Port {port} of {HOST} cannot be used: {error.strerror}.",
            "`autoagent standin` with another --port, or without one",
        ) from error
