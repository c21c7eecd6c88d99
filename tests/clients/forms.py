"""The APIs that clients other than Claude Code speak, for the scripted endpoint.

Codex: OpenAI's responses. opencode, and most others: chat completions. Gemini CLI: generateContent.
Importing this adds them to the endpoint's forms.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from .endpoint import FORMS, Answer, Asked, Call, Event, Json, Result


class Responses:
    """OpenAI's Responses API. A tool of a namespace is called `namespace.tool` in scripts."""

    def read(self, path: str, body: Json) -> Asked:
        calls: dict[str, Call] = {}
        heard: list[str | Result] = []
        for item in body["input"]:
            match item.get("type", "message"):
                case "function_call":
                    name = ".".join(filter(None, (item.get("namespace"), item["name"])))
                    calls[item["call_id"]] = Call(name, json.loads(item["arguments"]))
                case "function_call_output":
                    made = item["call_id"]
                    heard.append(Result(made, calls[made], _text(item["output"])))
                case "message" if item["role"] == "user":
                    heard.append(_text(item["content"]))
                case _:
                    pass
        tools = [
            f"{tool['name']}.{inner['name']}" if inner is not tool else tool["name"]
            for tool in body.get("tools", [])
            for inner in tool.get("tools", [tool])
            if "name" in inner
        ]
        system = str(body.get("instructions", ""))
        return Asked(path, body["model"], system, tuple(tools), tuple(heard), body)

    def whole(self, asked: Asked, answer: Answer) -> Json:
        output: list[Json] = []
        if answer.text:
            text = {"type": "output_text", "text": answer.text, "annotations": []}
            output.append(_item("message", role="assistant", status="completed", content=[text]))
        for call in answer.calls:
            namespace, _, name = call.name.rpartition(".")
            within = {"namespace": namespace} if namespace else {}
            arguments = json.dumps(call.arguments)
            call_id = f"call_{uuid4().hex[:24]}"
            output.append(
                _item("function_call", name=name, arguments=arguments, call_id=call_id, **within)
            )
        usage = {
            "input_tokens": answer.context_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.context_tokens + 50,
        }
        return {
            "id": f"resp_{uuid4().hex[:24]}", "object": "response", "status": "completed",
            "model": asked.model, "output": output, "usage": usage,
        }  # fmt: skip

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        whole = self.whole(asked, answer)
        yield "response.created", {"response": whole | {"output": [], "status": "in_progress"}}
        for index, item in enumerate(whole["output"]):
            yield "response.output_item.added", {"output_index": index, "item": item}
            yield "response.output_item.done", {"output_index": index, "item": item}
        yield "response.completed", {"response": whole}


def _item(kind: str, **facts: Any) -> Json:
    return {"type": kind, "id": f"item_{uuid4().hex[:24]}"} | facts


class ChatCompletions:
    """OpenAI's Chat Completions API, as other providers offer it too."""

    def read(self, path: str, body: Json) -> Asked:
        calls: dict[str, Call] = {}
        heard: list[str | Result] = []
        system: list[str] = []
        for message in body["messages"]:
            match message["role"]:
                case "system":
                    system.append(_text(message["content"]))
                case "user":
                    heard.append(_text(message["content"]))
                case "tool":
                    made = message["tool_call_id"]
                    heard.append(Result(made, calls[made], _text(message["content"])))
                case _:
                    for call in message.get("tool_calls") or ():
                        function = call["function"]
                        arguments = json.loads(function["arguments"])
                        calls[call["id"]] = Call(function["name"], arguments)
        tools = tuple(tool["function"]["name"] for tool in body.get("tools", ()))
        return Asked(path, body["model"], "\n".join(system), tools, tuple(heard), body)

    def whole(self, asked: Asked, answer: Answer) -> Json:
        return self._chunk(asked, answer, "message")

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        yield "", self._chunk(asked, answer, "delta")

    def _chunk(self, asked: Asked, answer: Answer, key: str) -> Json:
        calls = [
            {
                "index": index, "id": f"call_{uuid4().hex[:24]}", "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for index, call in enumerate(answer.calls)
        ]  # fmt: skip
        said: Json = {"role": "assistant", "content": answer.text or None}
        said |= {"tool_calls": calls} if calls else {}
        reason = "tool_calls" if calls else "stop"
        usage = {
            "prompt_tokens": answer.context_tokens,
            "completion_tokens": 50,
            "total_tokens": answer.context_tokens + 50,
        }
        return {
            "id": f"chatcmpl-{uuid4().hex[:24]}", "object": "chat.completion", "created": 1,
            "model": asked.model, "usage": usage,
            "choices": [{"index": 0, key: said, "finish_reason": reason}],
        }  # fmt: skip


class GenerateContent:
    """Google's generateContent, streamed or not."""

    def read(self, path: str, body: Json) -> Asked:
        heard: list[str | Result] = []
        waiting: list[Call] = []
        for part in (part for content in body["contents"] for part in content["parts"]):
            if "functionCall" in part:
                waiting.append(Call(part["functionCall"]["name"], part["functionCall"]["args"]))
            elif "functionResponse" in part:
                answered = part["functionResponse"]["response"]
                text = answered.get("output", answered.get("error", answered))
                text = text if isinstance(text, str) else json.dumps(text)
                heard.append(Result("", waiting.pop(0), text, "error" in answered))
            elif "text" in part:
                heard.append(part["text"])
        tools = tuple(
            declared["name"]
            for tool in body.get("tools", ())
            for declared in tool.get("functionDeclarations", ())
        )
        system = _text(body.get("systemInstruction", {}).get("parts", ()))
        model = path.rpartition("/")[2].partition(":")[0]
        return Asked(path, model, system, tools, tuple(heard), body)

    def whole(self, asked: Asked, answer: Answer) -> Json:
        parts: list[Json] = [{"text": answer.text}] if answer.text else []
        parts += [
            {"functionCall": {"name": call.name, "args": dict(call.arguments)}}
            for call in answer.calls
        ]
        candidate = {
            "content": {"role": "model", "parts": parts},
            "finishReason": "STOP",
            "index": 0,
        }
        tokens = {"promptTokenCount": answer.context_tokens, "candidatesTokenCount": 50}
        return {"candidates": [candidate], "usageMetadata": tokens, "modelVersion": asked.model}

    def events(self, asked: Asked, answer: Answer) -> Iterator[Event]:
        yield "", self.whole(asked, answer)


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content)


FORMS.update(
    {
        "/v1/responses": Responses(),
        "/v1/chat/completions": ChatCompletions(),
        "generateContent": GenerateContent(),
        "streamGenerateContent": GenerateContent(),
    }
)
