"""What was said so far, read out of a request in any of the three wire formats.

A stand-in keeps nothing between requests: like a model's, its memory is the request.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from autoagent.records import Record

Body = Mapping[str, Any]


class Tool(Record):
    """A tool on offer; `parameters` maps a name to its JSON schema."""

    name: str
    parameters: Mapping[str, Any]
    required: tuple[str, ...]


class Conversation(Record):
    """One request's past: texts by their source, tools on offer, calls already made."""

    model: str
    prompt: str
    instruction: str
    results: str
    tools: tuple[Tool, ...]
    calls: tuple[tuple[str, Mapping[str, Any]], ...]


def read(body: Body) -> Conversation:
    """Read a request body: OpenAI responses or chat completions, or Anthropic messages.

    Parts it does not know (images, reasoning) are passed over.
    """
    prompt = [text_of(body.get("instructions")), text_of(body.get("system"))]
    users: list[str] = []
    results: list[str] = []
    calls: list[tuple[str, Mapping[str, Any]]] = []
    for item in _items(body):
        kind, role = item.get("type"), item.get("role")
        if kind == "function_call":
            calls.append((str(item.get("name")), _arguments(item.get("arguments"))))
        elif kind == "function_call_output":
            results.append(text_of(item.get("output")))
        elif role in ("system", "developer"):
            prompt.append(text_of(item.get("content")))
        elif role == "tool":
            results.append(text_of(item.get("content")))
        else:
            calls += _calls(item)
            results += _results(item)
            if role == "user":
                users.append(text_of(item.get("content")))
    return Conversation(
        model=str(body.get("model")),
        prompt=_joined(prompt),
        instruction=_joined(users),
        results=_joined(results),
        tools=tuple(_tools(body.get("tools") or ())),
        calls=tuple(calls),
    )


def text_of(content: Any) -> str:
    """The text of a message's content, whatever blocks it comes in."""
    if isinstance(content, str):
        return content
    return _joined(str(block["text"]) for block in _blocks(content) if "text" in block)


def _items(body: Body) -> Iterable[Body]:
    given = body.get("input", body.get("messages"))
    return [{"role": "user", "content": given}] if isinstance(given, str) else _blocks(given)


def _calls(message: Body) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for call in _blocks(message.get("tool_calls")):
        function = cast("Body", call.get("function") or {})
        yield str(function.get("name")), _arguments(function.get("arguments"))
    for block in _blocks(message.get("content")):
        if block.get("type") == "tool_use":
            yield str(block.get("name")), _arguments(block.get("input"))


def _results(message: Body) -> Iterable[str]:
    for block in _blocks(message.get("content")):
        if block.get("type") == "tool_result":
            yield text_of(block.get("content"))


def _tools(tools: Iterable[Any]) -> Iterable[Tool]:
    for tool in _blocks(list(tools)):
        described = cast("Body", tool.get("function") or tool)
        given: Any = described.get("parameters") or described.get("input_schema")
        schema = cast("Body", given or {})
        if "name" in described:
            yield Tool(
                name=described["name"],
                parameters=schema.get("properties") or {},
                required=tuple(schema.get("required") or ()),
            )


def _arguments(given: Any) -> Mapping[str, Any]:
    """A call's arguments; none where they are not an object."""
    try:
        value = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _blocks(content: Any) -> list[Body]:
    if not isinstance(content, list):
        return []
    blocks = cast("list[Any]", content)
    return [cast("Body", block) for block in blocks if isinstance(block, dict)]


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(text for text in texts if text)
