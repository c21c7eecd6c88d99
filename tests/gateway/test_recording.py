"""What is written beside a trial, and how an evaluation is played again from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from autoagent.gateway.calls import recording
from autoagent.gateway.money.usage import Owner
from autoagent.gateway.plan import Upstream
from autoagent.gateway.standin.rules import Rules
from autoagent.gateway.standin.server import running

Front = Any  # tests/gateway/conftest.py
ASKED = {"model": "gpt-5", "input": "hi", "max_output_tokens": 100}
HI = [{"role": "user", "content": "hi"}]
CHAT = {"model": "gpt-5", "messages": [], "stream": True, "max_tokens": 10}


def lines(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / recording.RECORDING).read_text().splitlines()]


async def test_every_exchange_is_written_down_with_what_it_cost(front: Front, fake: Any) -> None:
    async with front() as f:
        answer = await f.post("/v1/responses", ASKED)
        await f.post("/v1/responses", ASKED | {"model": "o3"})
        bill = f.bill()

    owner, call, refused = lines(f.directory)
    assert owner == {"owner": {"trial": "e1.t.1", "task": "t", "attempt": 1, "digest": "d"}}
    assert json.loads(call["request"]) == ASKED
    assert call["answer"] == answer.text
    assert (call["status"], call["usage"]["input"]) == (200, 10)
    assert call["dollars"] == bill.cost_usd
    assert refused["refused"].startswith("model_refused: ")


async def test_a_replay_repeats_answers_and_costs_byte_for_byte(front: Front, fake: Any) -> None:
    """Equal requests come back in their order; a refusal is decided anew."""
    async with front() as f:
        told: list[Any] = []
        for number in range(3):
            fake.text = f"answer {number}"
            told.append(await f.post("/v1/responses", ASKED))
        told.append(await f.post("/v1/chat/completions", CHAT))
        bill = f.bill()
    calls = len(fake.calls)

    async with front(replay=(f.directory.parent,), keys={}) as again:
        repeated = [await again.post("/v1/responses", ASKED) for _ in range(3)]
        repeated.append(await again.post("/v1/chat/completions", CHAT))
        refused = await again.post("/v1/responses", ASKED | {"model": "o3"})
        second = again.bill()

    assert [(r.status_code, r.content) for r in repeated] == [
        (r.status_code, r.content) for r in told
    ]
    assert (second.cost_usd, second.use.input_tokens) == (bill.cost_usd, bill.use.input_tokens)
    assert refused.status_code == 403
    assert len(fake.calls) == calls


async def test_a_call_that_was_not_recorded_is_refused_clearly(front: Front, fake: Any) -> None:
    async with front() as f:
        await f.post("/v1/responses", ASKED)
        f.bill()
    async with front(replay=(f.directory.parent,)) as again:
        other = await again.post("/v1/responses", ASKED | {"input": "ho"})
        fault = again.bill().fault
    owner = Owner("e1.t.2", "t", 2, "d")
    async with front(replay=(f.directory.parent,), owner=owner) as third:
        elsewhere = await third.post("/v1/responses", ASKED)

    assert (other.status_code, elsewhere.status_code) == (409, 409)
    assert "holds no answer to this call of t, attempt 1, to /v1/responses" in fault
    assert "attempt 2" in elsewhere.text


async def test_a_recording_that_a_harness_planted_is_not_read(front: Front, fake: Any) -> None:
    async with front() as f:
        await f.post("/v1/responses", ASKED)
        f.bill()
    planted = f.directory / "agent" / recording.RECORDING
    planted.parent.mkdir()
    (f.directory / recording.RECORDING).rename(planted)

    for place in (f.directory.parent, f.directory.parent.parent, f.directory):
        async with front(replay=(place,)) as again:
            assert (await again.post("/v1/responses", ASKED)).status_code == 409


async def test_a_recording_stops_at_its_limit_and_says_so(front: Front, monkeypatch: Any) -> None:
    monkeypatch.setattr(recording, "LIMIT", 2000)
    async with front() as f:
        for _ in range(8):
            await f.post("/v1/responses", ASKED)
        f.bill()

    assert (f.directory / recording.RECORDING).stat().st_size < 5000
    assert any(line.get("dropped") for line in lines(f.directory))


async def test_bytes_that_are_no_text_are_kept_too(front: Front, fake: Any) -> None:
    import fake_providers  # pyright: ignore[reportMissingImports]

    fake.script = [fake_providers.Scripted(400, body=b"\xff\x00")]
    async with front() as f:
        first = await f.post("/v1/responses", ASKED)
        f.bill()
    async with front(replay=(f.directory.parent,)) as again:
        second = await again.post("/v1/responses", ASKED)

    assert first.content == second.content == b"\xff\x00"


@pytest.mark.parametrize("streams", [False, True])
async def test_a_stand_ins_answers_are_noted_and_so_are_their_repetitions(
    front: Front, fake: Any, streams: bool
) -> None:
    """Whatever the form; a model's own answers are not."""
    calls: dict[str, Any] = {
        "/v1/responses": {"model": "gpt-5", "input": "hi", "max_output_tokens": 9},
        "/v1/chat/completions": {"model": "gpt-5", "messages": HI, "max_completion_tokens": 9},
        "/v1/messages": {"model": "claude-sonnet-4-5", "messages": HI, "max_tokens": 9},
    }
    for path, body in calls.items():
        told = body | {"stream": streams}
        with running(Rules.model_validate({})) as url:
            upstreams = {
                "openai": Upstream(base_url=f"{url}/v1", api_key_env="NONE", auth="bearer"),
                "anthropic": Upstream(base_url=url, api_key_env="NONE", auth="x-api-key"),
            }
            async with front(upstreams=upstreams) as f:
                assert (await f.post(path, told)).status_code == 200
                assert f.bill().stand_in
        async with front(replay=(f.directory.parent,)) as again:
            assert (await again.post(path, told)).status_code == 200
            assert again.bill().stand_in
        async with front() as third:
            assert (await third.post(path, told)).status_code == 200
            assert not third.bill().stand_in
