"""Reading a harness's call before it is forwarded. Every byte of it may be hostile.

What a provider would do *for* the caller besides answering is refused: its hosted tools and
its fetching of URLs reach the internet, stored prompts bring models and tools of their own,
and background answers arrive where nobody meters them. So is what the gateway does not understand.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, cast

from autoagent.gateway.calls.effort import effort_of
from autoagent.gateway.calls.fields import not_understood
from autoagent.gateway.money.usage import json_object
from autoagent.gateway.providers import Route

BODY_LIMIT = 16 * 1024 * 1024
_OURS = {"function", "custom", "local_shell", "apply_patch", "computer", "computer_use_preview"}
"""Kinds of OpenAI tools whose calls the harness carries out."""
_OURS_BEFORE = ("bash_", "text_editor_", "computer_", "memory_")
"""The same for Anthropic, without the date that ends them."""
_NEVER: dict[str, str] = {
    "prompt": "a stored prompt",
    "mcp_servers": "the provider's MCP connector",
    "container": "the provider's containers",
    "web_search_options": "the provider's web search",
    # What proxies between here and a provider may take: other models, hosts and answers.
    "models": "other models",
    "fallbacks": "other models",
    "route": "other models",
    "plugins": "the proxy's plugins",
    "api_base": "another host",
    "base_url": "another host",
    "mock_response": "an answer of the harness's own",
}
_TIERS = (None, "auto", "default", "flex", "standard_only", "standard")
_MOST = ("max_output_tokens", "max_completion_tokens", "max_tokens")
_LINKS = {"image_url", "file_url", "video_url", "audio_url"}
_MEDIA = _LINKS | {"file_id", "file_data", "input_audio"}
_ANSWERS = ("responses", "chat", "messages")
_REMEMBERED = ("previous_response_id", "conversation")


class CallRefused(Exception):
    """A call that is not forwarded.

    Attributes:
        status: The HTTP status.
        code: One word for programs.
        message: What is wrong and what to do.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class ModelCall(NamedTuple):
    """A call that may be forwarded, once its model and its money are in order.

    `body` is what the harness sent; `forwarded` is the same unless `adds_usage`: a streamed
    chat completion tells its usage only when asked, so the gateway asks. `output_most` is None
    where the harness set no limit. `effort` is None where no model is asked to answer.
    """

    route: Route
    model: str
    stream: bool
    body: bytes
    forwarded: bytes
    adds_usage: bool
    input_most: int | None
    output_most: int | None
    choices: int
    effort: str | None


def read(route: Route, body: bytes, let_through: Collection[str] = ()) -> ModelCall:
    """Understand a call's body, or refuse it.

    Args:
        route: Where it was posted to.
        body: As it came.
        let_through: Fields that are passed on though the gateway does not understand them.

    Raises:
        CallRefused: It is not what this route takes, or asks for what the gateway does not pass on.
    """
    told = _parsed(body)
    model = told.get("model")
    if not isinstance(model, str) or not model:
        raise CallRefused(400, "invalid_request", "`model` must be a string.")
    stream = told.get("stream") is True
    counted = _check(told)
    if unknown := not_understood(route.form, told, let_through):
        named = ", ".join(f"`{name[:40]}`" for name in unknown[:5])
        raise _not_passed_on(
            f"{named}, which it does not know to stay within what is reserved for a call; leave it "
            "out, or a human lets it through with gateway.fields in autoagent.toml"
        )
    options = json_object(told.get("stream_options"))
    adds_usage = route.form == "chat" and stream and options.get("include_usage") is not True
    forwarded = body
    if adds_usage:
        asking = {**told, "stream_options": {**options, "include_usage": True}}
        forwarded = json.dumps(asking, ensure_ascii=False).encode("utf-8", "surrogatepass")
    choices = told.get("n")
    limits = [value for name in _MOST if isinstance(value := told.get(name), int) and value > 0]
    return ModelCall(
        route=route,
        model=model,
        stream=stream,
        body=body,
        forwarded=forwarded,
        adds_usage=adds_usage,
        input_most=len(body) if counted else None,  # a token is a byte at least
        output_most=max(limits) if limits else None,
        choices=max(1, choices) if isinstance(choices, int) else 1,
        effort=effort_of(told) if route.form in _ANSWERS else None,
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        told: Any = json.loads(body, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError) as error:
        raise CallRefused(400, "invalid_request", f"The body cannot be read: {error}") from error
    if not isinstance(told, dict):
        raise CallRefused(400, "invalid_request", "The body must be a JSON object.")
    return cast("dict[str, Any]", told)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two parsers may take different ones of two equal keys: one pinned, one not."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _check(told: Mapping[str, Any]) -> bool:
    """Whether the body's length bounds what it costs: not with media, nor with what is remembered.

    Raises:
        CallRefused: It asks for what is not passed on.
    """
    for name, what in _NEVER.items():
        if told.get(name):
            raise _not_passed_on(f"`{name}` ({what})")
    if told.get("background"):
        raise _not_passed_on("`background`")
    if told.get("service_tier") not in _TIERS or told.get("speed") not in (None, "standard"):
        raise _not_passed_on("a faster and dearer service tier")
    edits = _list(told.get("context_management"), "edits")
    if not all(str(json_object(edit).get("type")).startswith("clear_") for edit in edits):
        raise _not_passed_on("a `context_management` for which a model is asked once more")
    tools: Any = told.get("tools")
    for tool in cast("list[Any]", tools) if isinstance(tools, list) else []:
        kind = cast("dict[str, Any]", tool).get("type", "custom") if isinstance(tool, dict) else ""
        if not isinstance(kind, str) or not (kind in _OURS or kind.startswith(_OURS_BEFORE)):
            raise _not_passed_on(f"the hosted tool {str(kind)[:40]!r}")
    return not (_media(told) or any(told.get(name) for name in _REMEMBERED))


def _list(told: Any, name: str) -> list[Any]:
    """What is listed below a name, or without one; what is neither is one unknown thing."""
    listed = json_object(told).get(name, []) if isinstance(told, dict) or told is None else told
    return cast("list[Any]", listed) if isinstance(listed, list) else [listed]


def _media(value: Any) -> bool:
    """Whether pictures or files are sent. A URL would be fetched, with whatever it carries."""
    found = False
    waiting: list[Any] = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += cast("list[Any]", part)
        elif isinstance(part, dict):
            known = cast("dict[str, Any]", part)
            found = found or not _MEDIA.isdisjoint(known) or known.get("type") == "base64"
            for name in _LINKS & set(known):
                url: Any = known[name]
                if isinstance(url, dict):
                    url = cast("dict[str, Any]", url).get("url")
                if isinstance(url, str) and not url.startswith("data:"):
                    raise _not_passed_on(f"`{name}` with a URL; send the data itself, as `data:…`")
            if known.get("type") == "url" and isinstance(known.get("url"), str):
                raise _not_passed_on("a source of type `url`; send the data itself, as base64")
            waiting += known.values()
    return found


def _not_passed_on(what: str) -> CallRefused:
    return CallRefused(403, "not_passed_on", f"The gateway does not pass on {what}.")
