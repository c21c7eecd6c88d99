"""What is particular to a provider: its models, its paths, how an error is told.

The model pin is made of names that are spelled with their provider or without.
"""

import json
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

ProviderName = Literal["openai", "anthropic"]
Form = Literal["responses", "chat", "embeddings", "messages", "count_tokens"]
"""What a call's body looks like, and where its answer says what was used."""

BASE_URLS: dict[ProviderName, str] = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
}
_NAMED: dict[ProviderName, re.Pattern[str]] = {
    "openai": re.compile(r"(gpt-|o\d|chatgpt-|codex-|text-embedding-|ft:)"),
    "anthropic": re.compile(r"claude-"),
}


class Route(NamedTuple):
    """One path a harness may post to. `tail` is what follows the upstream's base URL."""

    path: str
    tail: str
    provider: ProviderName
    form: Form


ROUTES = (
    Route("/v1/responses", "/responses", "openai", "responses"),
    Route("/v1/chat/completions", "/chat/completions", "openai", "chat"),
    Route("/v1/embeddings", "/embeddings", "openai", "embeddings"),
    Route("/v1/messages", "/v1/messages", "anthropic", "messages"),
    Route("/v1/messages/count_tokens", "/v1/messages/count_tokens", "anthropic", "count_tokens"),
)


def bare(model: str) -> str:
    """A model's name as its provider spells it: without Harbor's `openai/` or `anthropic/`."""
    provider, _, name = model.partition("/")
    return name if provider in BASE_URLS and name else model


def provider_named(model: str) -> ProviderName | None:
    """Whose model a name is, as far as names tell."""
    for provider, names in _NAMED.items():
        if model.startswith(f"{provider}/") or names.match(bare(model)):
            return provider
    return None


def provider_of_path(path: str) -> ProviderName:
    """Whose errors a caller of `path` understands."""
    return "anthropic" if path.startswith("/v1/messages") else "openai"


_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error_body(provider: ProviderName, status: int, code: str, message: str) -> bytes:
    """An error of ours as the provider would have written it, so that SDKs raise what they should.

    Args:
        provider: Whose shape.
        status: The HTTP status it goes with.
        code: One word for programs: `model_refused`, `budget`, ….
        message: What happened and what to do about it.
    """
    if provider == "anthropic":
        kind = _ANTHROPIC_TYPES.get(status, "api_error")
        error = {"type": "error", "error": {"type": kind, "message": message}}
    else:
        error = {"error": {"message": message, "type": code, "param": None, "code": code}}
    return json.dumps(error).encode()


DATE = r"-(\d{4}-\d{2}-\d{2}|\d{8})"


class Pin:
    """The names a caller may ask for, spelled with or without their provider in front."""

    def __init__(self, models: Iterable[str]) -> None:
        self.models = tuple(models)
        names = {name for model in self.models for name in (model, bare(model))}
        alternatives = "|".join(re.escape(name) for name in sorted(names))
        self._allowed = re.compile(f"({alternatives})(?:{DATE})?") if names else None

    def allows(self, model: str) -> bool:
        """Whether `model` is a pinned name or that name with a date: gpt-5-2025-08-07 for gpt-5."""
        return self._allowed is not None and self._allowed.fullmatch(model) is not None

    def name_of(self, model: str) -> str:
        """An allowed model as all of its spellings are called: no date, no provider."""
        found = self._allowed.fullmatch(model) if self._allowed else None
        return bare(found[1]) if found else model

    @property
    def sentence(self) -> str:
        """What is pinned, for a refusal."""
        return f"this climb is pinned to {' and '.join(self.models) or 'no model'}"
