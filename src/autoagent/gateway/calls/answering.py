"""Whether an answer of status 200 is an answer: a completion of its form, whole or event by event.

What is none is the provider's failure, whatever its status (rule R9); an error that says that the
request was at fault is the harness's own to see. Every byte may be anything.
"""

import json
from typing import Any, cast

from autoagent.gateway.money.usage import LINE_LIMIT, json_object
from autoagent.gateway.providers import Form

OWN = {
    "invalid_request_error", "request_too_large", "not_found_error", "invalid_prompt",
    "content_filter", "content_policy_violation", "context_length_exceeded",
    "string_above_max_length",
    "invalid_image", "invalid_image_format", "invalid_base64_image", "image_too_large",
    "image_too_small", "image_parse_error", "image_content_policy_violation", "BadRequestError",
}  # fmt: skip
"""Types and codes of errors that say that the request is to blame, by any provider's word."""
FAILED_BY_CALL = {400, 413, 415, 422}
"""Statuses that say the same."""
_ENDS = {"response.completed", "response.incomplete", "response.failed", "message_stop", "error"}


class Trouble(str):
    """Why an answer is none. `own`: it says that the request was at fault."""

    own = False

    @classmethod
    def of(cls, error: Any) -> "Trouble":
        """What an error in an answer says."""
        told = json_object(error)
        names = [value for name in ("type", "code") if isinstance(value := told.get(name), str)]
        message = error if isinstance(error, str) else told.get("message")
        said = ": ".join([*names[-1:], *([message] if isinstance(message, str) else [])])
        trouble = cls(f"an error: {said[:300]}" if said else "an error")
        trouble.own = bool(OWN & {*names}) or told.get("code") in FAILED_BY_CALL
        return trouble


def trouble_in(form: Form, body: bytes) -> Trouble | None:
    """Why a whole answer is no completion; None where it is one."""
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        shown = " ".join(body[:80].decode("utf-8", "replace").split())
        return Trouble(f"no JSON ({shown!r})" if shown else "nothing")
    if (error := _error_in(json_object(told))) is not None:
        return error
    return None if _completes(form, json_object(told)) else Trouble(f"no completion of {form}")


def _error_in(told: dict[str, Any]) -> Trouble | None:
    """The error that an answer or an event holds."""
    for part in (told, json_object(told.get("response"))):
        if part.get("error"):
            return Trouble.of(part["error"])
        if part.get("status") == "failed":
            return Trouble("status failed")
    if told.get("type") in ("error", "response.failed"):
        return Trouble.of(told)
    return None


def _completes(form: Form, told: dict[str, Any]) -> bool:
    match form:
        case "responses":
            return "output" in told
        case "chat":
            choices: Any = told.get("choices")
            found = cast("list[Any]", choices) if isinstance(choices, list) else []
            return bool(found) and all(isinstance(choice, dict) for choice in found)
        case "embeddings":
            return bool(told.get("data"))
        case "messages":
            return isinstance(told.get("content"), list)
        case "count_tokens":
            return isinstance(told.get("input_tokens"), int)


class Watch:
    """Reads a stream as it passes.

    Attributes:
        begun: An event, or a comment that keeps the line open, has come.
        trouble: The error that an event told.
        whole: The stream said that it is at its end.
    """

    def __init__(self) -> None:
        self.begun = self.whole = self._lost = False
        self.trouble: Trouble | None = None
        self._pending = bytearray()

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        if self._lost:
            return
        self._pending += data
        if b"\n" in data:
            *lines, rest = bytes(self._pending).split(b"\n")
            self._pending = bytearray(rest)
            for line in lines:
                self._line(line.strip())
        if len(self._pending) > LINE_LIMIT:  # no event that anybody could read
            self._lost = self.begun = self.whole = True

    def end(self) -> None:
        """No more comes."""
        self._line(bytes(self._pending).strip())

    def _line(self, line: bytes) -> None:
        if line.startswith(b":"):
            self.begun = True
        if not line.startswith(b"data:"):
            return
        self.begun = True
        text = line[5:].strip()
        if text == b"[DONE]":
            self.whole = True
        elif _ends_something(text):
            self._event(text)

    def _event(self, text: bytes) -> None:
        try:
            told = json_object(json.loads(text))
        except (ValueError, RecursionError):
            return
        self.trouble = self.trouble or _error_in(told)
        choices: Any = told.get("choices")
        chosen = cast("list[Any]", choices) if isinstance(choices, list) else []
        self.whole = (
            self.whole
            or told.get("type") in _ENDS
            or any(json_object(choice).get("finish_reason") for choice in chosen)
            or bool(json_object(told.get("delta")).get("stop_reason"))
        )


def _ends_something(text: bytes) -> bool:
    """Whether an event is worth reading: most are deltas, which end nothing."""
    words = (b'"error"', b'"response.', b'"message_stop"', b"finish_reason", b"stop_reason")
    return any(word in text for word in words)
