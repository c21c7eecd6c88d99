"""Rule R9: whatever is wrong with a provider, and what a harness can make of it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import fake_providers  # pyright: ignore[reportMissingImports]
import httpx2
import pytest
from starlette.responses import Response, StreamingResponse

from autoagent.gateway.money.usage import Owner

from . import troubles as table

Front = Any  # tests/gateway/conftest.py
TROUBLES = table.troubles()
ASKED: dict[str, dict[str, Any]] = {
    "responses": {"model": "gpt-5", "input": "hi", "max_output_tokens": 100},
    "chat": {"model": "gpt-5", "messages": [], "max_completion_tokens": 100},
    "messages": {"model": "claude-sonnet-4-5", "messages": [], "max_tokens": 100},
}
PATHS = {"responses": "/v1/responses", "chat": "/v1/chat/completions", "messages": "/v1/messages"}
QUICK = {
    "tries": 3, "first_seconds": 0.01, "longest_asked_seconds": 0.05, "in_all_seconds": 3.0,
    "silence_seconds": 0.2, "probe_seconds": 0.02, "probe_longest_seconds": 0.02,
}  # fmt: skip
USAGE = {"responses": (6 * 1.25 + 4 * 0.125 + 5 * 10) / 1e6,
         "messages": (6 * 3 + 4 * 0.3 + 5 * 15) / 1e6}  # fmt: skip


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with fake_providers.provider() as provider:
        yield provider


@pytest.fixture
def fake(running: Any) -> Iterator[Any]:
    """One provider for all of them."""
    running.calls, running.script, running.trouble = [], [], None
    running.held.set()
    yield running
    running.trouble = None
    running.released.set()


def ping(call: Any) -> bool:
    """Whether a call is one of our own."""
    return b"ping" in call.body


class Trouble:
    """What a provider does that a row is about."""

    def __init__(self, row: dict[str, Any], fake: Any) -> None:
        self.answers: list[Any] = [*row["answers"]]
        self.alone = row.get("alone", False)
        self.fake = fake

    def __call__(self, call: Any) -> Response | None:
        if self.alone and ping(call):
            return None
        answer: Any = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "well":
            return None
        if isinstance(answer, int):
            return Response(fake_providers.Scripted(answer).body, answer)
        if answer in ("silent", "cut"):
            answer = {"body": answer}
        kind = answer.get("type", "application/json")
        if "events" in answer or "body" in answer:
            kind = "text/event-stream" if "events" in answer else kind
            return StreamingResponse(self._parts(answer), media_type=kind)
        text = answer.get("text", '{"error": {"message": "scripted"}}')
        return Response(text, answer.get("status", 200), answer.get("headers"), kind)

    async def _parts(self, answer: dict[str, Any]) -> AsyncIterator[bytes]:
        for event in answer.get("events", ()):
            yield f"data: {event}\n\n".encode()
        how = answer.get("then", answer.get("body"))
        if how in ("stays", "silent"):
            await asyncio.to_thread(self.fake.released.wait, 10)
        if how == "cut":
            yield b'{"output": '
        if how in ("cut", "breaks"):
            await asyncio.sleep(0.01)
            raise ConnectionAbortedError


def upstreams(row: dict[str, Any], fake: Any) -> dict[str, Any]:
    if "nobody" not in row["answers"]:
        return {}
    gone = {"base_url": "http://127.0.0.1:1/v1", "api_key_env": "OPENAI_API_KEY", "auth": "bearer"}
    return {"models": ("gpt-5",), "upstreams": {"openai": gone}}


@pytest.mark.rule("R9")
@pytest.mark.parametrize("row", TROUBLES, ids=[row["name"] for row in TROUBLES])
async def test_a_trouble_ends_as_the_table_says(
    front: Front, fake: Any, row: dict[str, Any]
) -> None:
    form = row.get("asks", "responses")
    path, body = PATHS[form], ASKED[form] | ({"stream": True} if row.get("stream") else {})
    fake.released.clear()
    async with front(patience=QUICK, **upstreams(row, fake)) as f:
        if row.get("after"):
            assert (await f.post(path, body)).status_code == 200
        fake.trouble = Trouble(row, fake)
        spent = f.scope.dollars
        try:
            answer = await f.post(path, body)
            status, text = answer.status_code, answer.text
        except httpx2.HTTPError:
            status, text = 0, ""
        end, dollars = f.scope.end, f.scope.dollars - spent
        out = [cause for cause in f.outages if cause]

        match row["outcome"]:
            case "void":
                assert end is not None and end.kind == "fault"
                assert status in (0, 200, 502)
            case "hidden":
                assert (end, status) == (None, 200) and f.scope.answered
            case _:
                assert end is None
                assert status >= 400 or "invalid_prompt" in text
        match row.get("charge", "nothing"):
            case "nothing":
                assert dollars == 0.0
            case "usage":
                assert dollars == pytest.approx(
                    USAGE["messages" if form == "messages" else "responses"]
                )
            case _:
                assert dollars > 0.0009  # 100 tokens out, at least
        if not row.get("status"):
            assert out == []
            return
        assert row["status"] in out[0] and end is not None and end.message == out[0]
        if "nobody" in row["answers"]:
            return

        fake.trouble = None
        fake.released.set()
        with anyio.fail_after(10):
            await f.gateway.back()
        assert f.outages[-1] == ""
        await answers_the_next_trial(f, path, body)


async def answers_the_next_trial(f: Front, path: str, body: dict[str, Any]) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    f.gateway.expect("next", Owner("e1.t.2", "t", 2, "d"), f.directory)
    async with f.gateway.serving("next", listener) as scope:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
        assert (await f.client.post(url, json=body)).status_code == 200
        await f.client.aclose()
    assert scope.end is None


def test_the_table_has_every_trouble_once() -> None:
    assert len({row["name"] for row in TROUBLES}) == len(TROUBLES) >= 25


def test_the_documentation_shows_the_table_as_it_is() -> None:
    text = table.DOCS.read_text("utf-8")
    assert table.written(text) == text, "python tests/gateway/troubles.py --write"
