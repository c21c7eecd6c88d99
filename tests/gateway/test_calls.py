"""Calls through the gateway: what arrives at the provider, what comes back, what is counted."""

import asyncio
import json
from typing import Any

import anyio
import pytest

from autoagent.gateway.gateway import PLACEHOLDER
from autoagent.gateway.reach import Door

Front = Any  # tests/gateway/conftest.py

ASKED = {
    "/v1/responses": {"model": "gpt-5", "input": "hi", "max_output_tokens": 100},
    "/v1/chat/completions": {"model": "gpt-5", "messages": [], "max_completion_tokens": 100},
    "/v1/messages": {"model": "claude-sonnet-4-5", "messages": [], "max_tokens": 100},
}
GPT5 = (6 * 1.25 + 4 * 0.125 + 5 * 10) / 1e6
SONNET = (6 * 3 + 4 * 0.3 + 5 * 15) / 1e6


@pytest.mark.parametrize("path", ASKED)
async def test_request_and_answer_go_through_byte_for_byte(
    front: Front, fake: Any, path: str
) -> None:
    async with front() as f:
        sent = json.dumps(ASKED[path] | {"metadata": {"ü": "\u2028"}}, indent=3).encode()
        answer = await f.client.post(path, content=sent, headers={"x-custom": "1"})

    assert answer.status_code == 200
    assert fake.calls[0].body == sent
    assert fake.calls[0].path == path
    assert fake.calls[0].headers["x-custom"] == "1"
    assert json.loads(answer.content)["usage"]


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.attack("A7.2", ending="no effect", what="hides what its calls cost")
async def test_usage_and_dollars_are_the_providers_own(
    front: Front, fake: Any, path: str, stream: bool
) -> None:
    async with front() as f:
        answer = await f.post(path, ASKED[path] | {"stream": stream})
        assert answer.status_code == 200
        assert fake.text in answer.text
        bill = f.bill()

    use = bill.use
    assert (use.calls, use.unmetered_calls) == (1, 0)
    assert (use.input_tokens, use.cached_tokens, use.output_tokens) == (10, 4, 5)
    assert use.reasoning_tokens == (0 if "messages" in path and "chat" not in path else 2)
    assert bill.cost_usd == pytest.approx(SONNET if path == "/v1/messages" else GPT5)


async def test_a_streamed_chat_is_metered_and_the_harness_does_not_see_how(
    front: Front, fake: Any
) -> None:
    """Its usage comes only when asked for: the gateway asks, and keeps the extra event."""
    async with front() as f:
        hidden = await f.post(
            "/v1/chat/completions", ASKED["/v1/chat/completions"] | {"stream": True}
        )
        wanted = ASKED["/v1/chat/completions"] | {
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        shown = await f.post("/v1/chat/completions", wanted)

    assert '"choices": []' not in hidden.text and fake.text in hidden.text
    assert '"choices": []' in shown.text
    assert fake.calls[0].told["stream_options"] == {"include_usage": True}
    assert fake.calls[1].told == wanted


async def test_embeddings_and_token_counts(front: Front) -> None:
    async with front() as f:
        embedded = await f.post("/v1/embeddings", {"model": "text-embedding-3-small", "input": "x"})
        counted = await f.post(
            "/v1/messages/count_tokens", {"model": "claude-sonnet-4-5", "messages": []}
        )
        bill = f.bill()

    assert (embedded.status_code, counted.status_code) == (200, 200)
    assert counted.json() == {"input_tokens": 10}
    assert bill.cost_usd == pytest.approx(10 * 0.02 / 1e6)
    assert (bill.use.calls, bill.use.unmetered_calls) == (2, 0)


async def test_the_key_goes_to_the_provider_and_the_placeholder_does_not(
    front: Front, fake: Any
) -> None:
    async with front() as f:
        await f.post("/v1/responses", ASKED["/v1/responses"])
        headers = {"x-api-key": "autoagent-gateway", "anthropic-version": "2023-06-01"}
        await f.post("/v1/messages", ASKED["/v1/messages"], headers=headers)

    openai, anthropic = fake.calls
    assert openai.headers["authorization"] == "Bearer sk-secret-openai-key"
    assert anthropic.headers["x-api-key"] == "sk-secret-anthropic-key"
    assert "authorization" not in anthropic.headers
    assert anthropic.headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models"), ("POST", "/v1/files"), ("GET", "/v1/responses"), ("POST", "/")],
)
async def test_any_other_path_is_nothing(front: Front, fake: Any, method: str, path: str) -> None:
    async with front() as f:
        answer = await f.client.request(method, path)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert fake.calls == []


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.rule("A6")
@pytest.mark.attack("A6.7", ending="refused", what="asks each endpoint for another model")
async def test_another_model_is_refused_and_the_attempt_is_told(
    front: Front, fake: Any, path: str
) -> None:
    async with front(models=("gpt-5", "claude-sonnet-4-5")) as f:
        await f.post(path, ASKED[path] | {"model": "gpt-5-mini"})
        answer = await f.post(path, ASKED[path] | {"model": "gpt-5-mini"})
        bill = f.bill()

    assert answer.status_code == 403
    assert "'gpt-5-mini' is refused" in answer.text
    assert "pinned to gpt-5" in answer.text
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json().get("type") == ("error" if path == "/v1/messages" else None)
    assert fake.calls == []
    assert f.refused == [("e1.t.1", "gpt-5-mini", path)]
    assert bill.use.refused_models == ("gpt-5-mini",)


@pytest.mark.parametrize(
    "body",
    [
        '{"model": "gpt-5-mini", "model": "gpt-5", "input": ""}',
        '{"model": "gpt-5", "mod\\u0065l": "gpt-5-mini", "input": ""}',
        '{"model": ["gpt-5"], "input": ""}',
        "[" * 100_000,
        '{"input": ""}',
        '"gpt-5"',
        "",
    ],
)
@pytest.mark.rule("A6")
@pytest.mark.attack("A6.8", ending="refused", what="names two models in one body")
async def test_a_body_that_could_be_read_in_two_ways_is_refused(
    front: Front, fake: Any, body: str
) -> None:
    async with front() as f:
        answer = await f.client.post("/v1/responses", content=body.encode())

    assert answer.status_code == 400
    assert fake.calls == []


@pytest.mark.parametrize(
    "more",
    [
        {"tools": [{"type": "web_search"}]},
        {"tools": [{"type": "mcp", "server_url": "https://elsewhere.example"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]},
        {"mcp_servers": [{"type": "url", "url": "https://elsewhere.example"}]},
        {"web_search_options": {}, "prompt": {"id": "pmpt_1"}},
        {"background": True},
        {"models": ["o3"]},
        {"mock_response": "hello"},
        {"service_tier": "priority"},
        {"input": [{"content": [{"type": "input_image", "image_url": "https://x.example/?d=1"}]}]},
        {"messages": [{"content": [{"image_url": {"url": "http://x.example"}}]}]},
        {"messages": [{"content": [{"source": {"type": "url", "url": "https://x.example"}}]}]},
    ],
)
@pytest.mark.rule("B4")
@pytest.mark.attack(
    "B4.9", ending="refused", what="reaches the internet by the provider's own tools and URLs"
)
async def test_what_would_reach_the_internet_through_the_provider_is_refused(
    front: Front, fake: Any, more: dict[str, Any]
) -> None:
    async with front() as f:
        answer = await f.post("/v1/responses", {"model": "gpt-5", "input": "x"} | more)

    assert answer.status_code == 403
    assert "does not pass on" in answer.text
    assert fake.calls == []


async def test_hostile_queries_and_headers_are_answered_like_any_other(
    front: Front, fake: Any
) -> None:
    async with front() as f:
        url = str(f.client.base_url)
        host, port = url.removeprefix("http://").rstrip("/").split(":")
        body = json.dumps(ASKED["/v1/responses"]).encode()
        for query in (b"?a=%zz&b=%ff#x", b"?\xc3\xbc=1", b"?" + b"a" * 4000, b"?@evil.example/"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(
                b"POST /v1/responses%b HTTP/1.1\r\nhost: evil.example\r\n" % query
                + b"connection: close\r\nx-odd: \xff\xfe\r\ncontent-length: %d\r\n\r\n" % len(body)
                + body
            )
            with anyio.fail_after(10):
                said = await reader.read()
            writer.close()
            assert said.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), (query, said)
        bill = f.bill()

    assert bill.fault is None
    assert all(call.headers["host"] == fake.url.removeprefix("http://") for call in fake.calls)


async def test_functions_and_embedded_pictures_are_passed_on(front: Front, fake: Any) -> None:
    tools = [
        {"type": "function", "name": "f", "parameters": {"properties": {"image_url": {}}}},
        {"name": "g", "input_schema": {}},
        {"type": "bash_20250124", "name": "bash"},
    ]
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    body = {"model": "gpt-5", "input": [{"content": [picture]}], "tools": tools}
    async with front() as f:
        assert (await f.post("/v1/responses", body)).status_code == 200

    assert fake.calls[0].told == body


async def test_a_dated_snapshot_of_the_pinned_model_is_that_model(front: Front, fake: Any) -> None:
    async with front(models=("openai/gpt-5",)) as f:
        for model in ("gpt-5", "gpt-5-2025-08-07", "openai/gpt-5"):
            assert (await f.post("/v1/responses", {"model": model, "input": ""})).status_code == 200
        for model in ("gpt-5-mini", "gpt-5-2025-08-07-x", "gpt-50", "GPT-5", "gpt-5 ", "gpt-5\n"):
            assert (await f.post("/v1/responses", {"model": model, "input": ""})).status_code == 403


async def test_a_key_that_a_provider_repeats_never_reaches_the_harness(
    front: Front, fake: Any
) -> None:
    fake.text = "your key is sk-secret-openai-key!"
    async with front() as f:
        plain = await f.post("/v1/responses", ASKED["/v1/responses"])
        streamed = await f.post("/v1/responses", ASKED["/v1/responses"] | {"stream": True})
        f.bill()

    assert "your key is [key]!" in plain.text and "your key is [key]!" in streamed.text
    recorded = (f.directory / "model-calls.jsonl").read_text()
    assert "[key]" in recorded and "sk-secret" not in recorded


async def test_a_model_without_a_price_costs_nothing_known(front: Front) -> None:
    async with front(models=("llama-local",)) as f:
        await f.post("/v1/responses", {"model": "llama-local", "input": "x"})
        assert f.gateway.unpriced == ["llama-local"]
        bill = f.bill()

    assert bill.cost_usd is None
    assert bill.use.input_tokens == 10


async def test_a_price_of_the_humans_own_counts(front: Front) -> None:
    prices = {"llama-local": {"input": 1.0, "output": 2.0, "cached": 0.5}}
    async with front(models=("llama-local",), prices=prices) as f:
        await f.post("/v1/responses", {"model": "llama-local", "input": "x"})
        bill = f.bill()

    assert bill.cost_usd == pytest.approx((6 * 1 + 4 * 0.5 + 5 * 2) / 1e6)


async def test_no_call_costs_zero_and_that_is_known(front: Front) -> None:
    async with front() as f:
        assert f.bill().cost_usd == 0.0


async def test_errors_of_the_harnesss_own_making_are_passed_on_and_free(
    front: Front, fake: Any
) -> None:
    fake.script = [fake_scripted(400, body=b'{"error": {"message": "bad tool"}}')]
    async with front() as f:
        answer = await f.post("/v1/responses", ASKED["/v1/responses"])
        bill = f.bill()

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "bad tool")
    assert (bill.cost_usd, bill.fault) == (0.0, None)


def fake_scripted(status: int, **more: Any) -> Any:
    import fake_providers  # pyright: ignore[reportMissingImports]

    return fake_providers.Scripted(status, **more)


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
async def test_a_shared_address_answers_only_to_the_key_of_its_trial(
    front: Front, fake: Any, header: str
) -> None:
    """On the machine's loopback another trial could spend this one's money; it counts nothing."""
    async with front() as f:
        door = Door(f.gateway, "harbor-trial", "trial", None)
        async with door.open() as (scope, found):
            url, key = f"{found['ANTHROPIC_BASE_URL']}/v1/responses", found["OPENAI_API_KEY"]
            assert key == found["ANTHROPIC_API_KEY"]
            bearer = "Bearer " if header == "authorization" else ""
            for wrong in ("x", PLACEHOLDER, key[:-1], "\u00e9".encode()):
                value = wrong if isinstance(wrong, bytes) else bearer + wrong
                body = ASKED["/v1/responses"]
                answer = await f.client.post(url, json=body, headers={header: value})
                assert (answer.status_code, scope.use.calls) == (401, 0)
            right = await f.client.post(url, json=body, headers={header: bearer + key})
            assert (right.status_code, scope.use.calls) == (200, 1)
        door.close()
    assert len(fake.calls) == 1
    assert key not in str(fake.calls[0].headers)
