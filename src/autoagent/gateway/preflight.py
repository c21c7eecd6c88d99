"""Before a night: whether each provider answers a call of our own, which costs a token or so.

The pinned model and the judge are asked; a recording that is replayed calls nobody.
"""

import os

import httpx2

from autoagent.config import FILE_NAME
from autoagent.errors import ConfigError
from autoagent.gateway.calls.headers import auth_headers
from autoagent.gateway.calls.probing import OUR_HEADERS, Finding, finding, first_known, questions
from autoagent.gateway.calls.upstream import said
from autoagent.gateway.plan import GatewayPlan, Upstream, keys
from autoagent.gateway.providers import BASE_URLS, ProviderName, provider_named

SECONDS = 20.0
"""How long an answer is waited for; a model that thinks longer is well enough to be called."""


def ask(plan: GatewayPlan | None) -> tuple[str, ...]:
    """What is wrong for the moment, and will be waited out; nothing where all is well.

    Raises:
        ConfigError: No call can succeed until a human mends something.
    """
    if plan is None or plan.replay:
        return ()
    passing: list[str] = []
    for model in filter(None, [*plan.models[:1], plan.judge]):
        provider = provider_named(model) or next(filter(plan.upstreams.get, BASE_URLS))
        upstream = plan.upstreams[provider]
        key = keys([upstream], plan.env_file, os.environ).get(upstream.api_key_env)
        found = _found(provider, upstream, key, model)
        told = f"{model} at {upstream.base_url}: {provider} {found.said}"
        if found.lasts or found.state == "unreachable":
            raise ConfigError(f"{told}. {_remedy(found, upstream)}")
        if found.state != "well":
            passing.append(told)
    return tuple(passing)


def _found(provider: ProviderName, upstream: Upstream, key: str | None, model: str) -> Finding:
    found: list[Finding] = []
    headers = [*auth_headers(upstream, key), *OUR_HEADERS]
    with httpx2.Client(timeout=SECONDS) as client:
        for asked in questions(provider, model):
            url = upstream.base_url + asked.route.tail
            try:
                answer = client.post(url, content=asked.body, headers=headers)
            except httpx2.ReadTimeout:
                return Finding("out", f"gave no answer for {SECONDS:g} s")
            except httpx2.HTTPError as error:
                return Finding("unreachable", f"cannot be reached: {said(error)}")
            found.append(finding(asked.route, answer.status_code, answer.content))
            if first_known(found):
                return found[-1]
    return found[0]


def _remedy(found: Finding, upstream: Upstream) -> str:
    """What the human can do about it."""
    match found.state:
        case "refused":
            return f"Set {upstream.api_key_env} to a key that may call the model."
        case "spent":
            return "Pay there, or pin another model."
        case "unknown":
            return f"Correct the model's name, or base_url in {FILE_NAME}'s [gateway]."
        case _:
            return f"Start it, or correct base_url in {FILE_NAME}'s [gateway]."
