"""What a call may say: fields that the gateway understands, and those that a human lets through."""

import json
from typing import Any, get_type_hints

import pytest
from anthropic.types import message_count_tokens_params, message_create_params
from openai.types import embedding_create_params
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params

from autoagent.gateway.calls.fields import UNDERSTOOD
from autoagent.gateway.providers import Form

pytestmark = pytest.mark.rule("R10")
Front = Any  # tests/gateway/conftest.py

CHAT = {"model": "gpt-5", "messages": [], "max_completion_tokens": 100}
RESPONSES = {"model": "gpt-5", "input": "hi", "max_output_tokens": 100}
MESSAGES = {"model": "claude-sonnet-4-5", "messages": [], "max_tokens": 100}
CLEARING = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
COMPACTING = {"edits": [{"type": "compact_20260112"}]}

SDKS: dict[Form, Any] = {
    "chat": completion_create_params.CompletionCreateParamsBase,
    "responses": response_create_params.ResponseCreateParamsBase,
    "embeddings": embedding_create_params.EmbeddingCreateParams,
    "messages": message_create_params.MessageCreateParamsBase,
    "count_tokens": message_count_tokens_params.MessageCountTokensParams,
}
LEFT_OUT = {
    *("prediction", "moderation", "inference_geo", "audio", "modalities"),  # at other prices
    *("web_search_options", "prompt", "container"),  # refused with words of their own
    *("image", "access_programs", "background_options"),  # hosted work
    *("diagnostics", "user_profile_id", "workspace_id"),  # of accounts
}


@pytest.mark.parametrize(
    ("path", "asked", "more"),
    [
        ("/v1/chat/completions", CHAT, {"n_predict": 100_000}),
        ("/v1/chat/completions", CHAT, {"n_cmpl": 64}),
        ("/v1/chat/completions", CHAT, {"best_of": 64}),
        ("/v1/chat/completions", CHAT, {"use_beam_search": True}),
        ("/v1/chat/completions", CHAT, {"num_retries": 9}),
        ("/v1/chat/completions", CHAT, {"options": {"num_predict": 100_000}}),
        ("/v1/chat/completions", CHAT, {"chat_template": "{% for i in range(9999999) %}a"}),
        ("/v1/chat/completions", CHAT, {"prediction": {"type": "content", "content": "x" * 99}}),
        ("/v1/chat/completions", CHAT, {"N_PREDICT": 9, "temperature": 0}),
        ("/v1/responses", RESPONSES, {"max_tokens": 100_000}),
        ("/v1/responses", RESPONSES, {"n": 64}),
        ("/v1/responses", RESPONSES, {"context_management": [{"type": "compaction"}]}),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hi"}, {"n": 64}),
        ("/v1/messages", MESSAGES, {"compaction": {"enabled": True}}),
        ("/v1/messages", MESSAGES, {"context_management": COMPACTING}),
        ("/v1/messages", MESSAGES, {"context_management": {"edits": ["compact"]}}),
        ("/v1/messages", MESSAGES, {"context_management": {"edits": "compact"}}),
        ("/v1/messages", MESSAGES, {"context_management": "compact"}),
    ],
)
async def test_what_may_cost_more_than_is_reserved_is_refused_by_name(
    front: Front, fake: Any, path: str, asked: dict[str, Any], more: dict[str, Any]
) -> None:
    async with front() as f:
        answer = await f.post(path, asked | more)

    assert answer.status_code == 403
    assert f"`{next(iter(more))}`" in answer.text
    assert fake.calls == []


@pytest.mark.parametrize(
    ("path", "asked", "more"),
    [
        ("/v1/chat/completions", CHAT, {"n": 2, "temperature": 0, "seed": 1, "stop": ["x"]}),
        ("/v1/chat/completions", CHAT, {"top_k": 40, "guided_json": {}, "min_p": 0.1}),
        ("/v1/chat/completions", CHAT, {"n_predict": None}),
        ("/v1/messages", MESSAGES, {"context_management": CLEARING}),
    ],
)
async def test_what_shapes_one_answer_goes_through(
    front: Front, fake: Any, path: str, asked: dict[str, Any], more: dict[str, Any]
) -> None:
    async with front() as f:
        answer = await f.post(path, asked | more)

    assert answer.status_code == 200
    assert json.loads(fake.calls[0].body) == asked | more


async def test_a_human_lets_a_field_through_and_no_other(front: Front, fake: Any) -> None:
    async with front(fields=("n_probs_of_mine",)) as f:
        passed = await f.post("/v1/chat/completions", CHAT | {"n_probs_of_mine": 3})
        refused = await f.post("/v1/chat/completions", CHAT | {"n_probs_of_yours": 3})

    assert (passed.status_code, refused.status_code) == (200, 403)
    assert "gateway.fields" in refused.text
    assert len(fake.calls) == 1


@pytest.mark.parametrize("form", SDKS)
def test_what_the_sdks_know_is_understood_or_left_out_on_purpose(form: Form) -> None:
    known = set(get_type_hints(SDKS[form]))
    assert known - UNDERSTOOD[form] - LEFT_OUT == set()
