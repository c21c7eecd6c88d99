"""A call of our own that costs a token or so, and what a provider's answer to it says.

Whether a failure is the provider's or the harness's is never decided by what the harness sent:
where a call of ours gets through, the harness's own is to blame; where it does not, no edit above
the boundary could have helped (rule R9). 16 tokens are the least that /responses takes.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from autoagent.gateway.calls.answering import trouble_in
from autoagent.gateway.money.usage import json_object
from autoagent.gateway.providers import ROUTES, ProviderName, Route, bare

_ASKED = [{"role": "user", "content": "ping"}]
_BODIES: dict[str, dict[str, Any]] = {
    "responses": {"input": "ping", "max_output_tokens": 16},
    "chat": {"messages": _ASKED, "max_completion_tokens": 1},
    "embeddings": {"input": "ping"},
    "messages": {"messages": _ASKED, "max_tokens": 1},
}
OUR_HEADERS = [
    (b"content-type", b"application/json"),
    (b"anthropic-version", b"2023-06-01"),
    (b"accept-encoding", b"identity"),
]
"""What a question brings beside the key."""
_GENERATES = ("chat", "responses", "messages")
SPENT = re.compile(
    rb"insufficient_quota|exceeded your current quota|credit balance is too low|billing_"
    rb"|insufficient[ _](credits|balance|funds)",
    re.IGNORECASE,
)
"""How providers say that there is no money left."""
_NO_MODEL = re.compile(
    rb"model_not_found|does not exist|unknown model|invalid model", re.IGNORECASE
)


class Finding(NamedTuple):
    """How a provider is, and its own words for it.

    `well` answers; `refused` takes no key of ours; `unknown` has no such model or path; `spent` has
    no money left for us; `busy` asks for fewer calls; `out` gives no answer; `unreachable` is not
    even there.
    """

    state: Literal["well", "refused", "unknown", "spent", "busy", "out", "unreachable"]
    said: str = ""

    @property
    def lasts(self) -> bool:
        """Whether only a human can mend it."""
        return self.state in ("refused", "unknown", "spent")


class Question(NamedTuple):
    """One way to ask."""

    route: Route
    body: bytes


def questions(provider: ProviderName, model: str, form: str | None = None) -> Iterator[Question]:
    """The ways to ask whether a provider serves a model; each only where the last is unknown there.

    Args:
        provider: Whose.
        model: The pinned name, never what a harness called it.
        form: What the harness called; by default anything that generates.
    """
    routes = [route for route in ROUTES if route.provider == provider]
    own = [route for route in routes if route.form == form and route.form in _BODIES]
    others = [route for route in routes if route.form in _GENERATES and route not in own]
    others.sort(key=lambda route: _GENERATES.index(route.form))
    for route in own if form == "embeddings" else [*own, *others]:
        for name in dict.fromkeys([bare(model), model]):
            yield Question(route, json.dumps({"model": name, **_BODIES[route.form]}).encode())


def finding(route: Route, status: int, body: bytes) -> Finding:
    """What an answer to a question says."""
    said = f"answers {status}"
    if status < 300:
        trouble = trouble_in(route.form, body)
        return Finding("well") if trouble is None else Finding("out", f"answers {trouble}")
    if SPENT.search(body) and status in (400, 402, 403, 429):
        return Finding("spent", f"{said}: no money is left there")
    if status in (401, 402, 403, 407):
        return Finding("refused", f"refuses the key ({status})")
    if status in (404, 405, 410) or (status == 400 and _NO_MODEL.search(body)):
        return Finding("unknown", f"{said} to {route.tail}{_message(body)}")
    if status in (429, 529):
        return Finding("busy", said)
    if status in (408, 409) or status >= 500 or status < 400:
        return Finding("out", said)
    return Finding("well")  # it read what was asked and did not like it


def first_known(found: Sequence[Finding]) -> bool:
    """Whether the last finding settles it: no other way to ask could do better."""
    return bool(found) and found[-1].state != "unknown"


def pinned(model: str, models: Sequence[str]) -> str:
    """The pinned name behind what a harness asked for; a date after it is its own idea."""
    names = [name for name in models if bare(model).startswith(bare(name))]
    return max(names, key=len, default=model)


def _message(body: bytes) -> str:
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    error: Any = json_object(told).get("error")
    message: Any = json_object(error).get("message") if isinstance(error, dict) else error
    return f" ({message[:160]})" if isinstance(message, str) and message else ""
