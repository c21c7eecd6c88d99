"""How hard a call asks its model to work, beyond what it says: a part of the pin.

The same question at a higher effort is another player: it costs more, and passes more. What a call
asks for is one line of text, the same however it is spelled, and empty where a provider is left to
its own way. Limits on an answer's length are not in it: they bound what a call may cost.
"""

import hashlib
import json
from collections.abc import Container, Mapping
from typing import Any

from autoagent.gateway.money.usage import json_object

_AS_EVER: Mapping[str, Container[Any]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "service_tier": (None, "auto", "default", "standard", "standard_only"),
    "speed": (None, "standard"),
}
"""What says what holds without a word."""
_OTHERS = ("thinking_budget", "thinking_config", "enable_thinking", "chat_template_kwargs")
"""What servers of open models and proxies are told the same by."""
_SHOWN = ("summary", "generate_summary", "exclude", "display")
"""What of the reasoning is shown, whatever there is of it."""
_LONGEST = 160


def effort_of(told: Mapping[str, Any]) -> str:
    """What a call's body asks for."""
    found: dict[str, Any] = {name: told.get(name) for name in (*_AS_EVER, *_OTHERS)}
    reasoning, thinking = (json_object(told.get(name)) for name in ("reasoning", "thinking"))
    spelled = (
        told.get("reasoning_effort"),
        reasoning.get("effort"),
        json_object(told.get("output_config")).get("effort"),
    )
    found["effort"] = next((value for value in spelled if value is not None), None)
    wordy = (told.get("verbosity"), json_object(told.get("text")).get("verbosity"))
    found["verbosity"] = next((value for value in wordy if value is not None), None)
    for name, value in reasoning.items():
        if name not in (*_SHOWN, "effort"):
            found[f"reasoning.{name}"] = value
    if thinking.get("type") != "disabled":
        found |= {f"thinking.{name}": v for name, v in thinking.items() if name not in _SHOWN}
    text = " ".join(
        f"{name}={_text(value)}"
        for name, value in sorted(found.items())
        if value is not None and not (name in _AS_EVER and _is(value, _AS_EVER[name]))
    )
    if len(text) > _LONGEST or not text.isprintable():
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{''.join(filter(str.isprintable, text[: _LONGEST // 2]))}… sha256:{digest[:16]}"
    return text


def _text(value: Any) -> str:
    try:
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    except RecursionError:
        return "what is nested too deeply"


def _is(value: Any, usual: Container[Any]) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value in usual
