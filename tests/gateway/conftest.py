"""A gateway in this process, with a provider behind it and a trial in front."""

import importlib.util
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from autoagent.config import Patience
from autoagent.gateway.calls.clock import Clock
from autoagent.gateway.calls.scope import Scope
from autoagent.gateway.gateway import Gateway
from autoagent.gateway.money.usage import Bill, Owner
from autoagent.gateway.plan import GatewayPlan, Upstream

_spec = importlib.util.spec_from_file_location(
    "fake_providers", Path(__file__).parent / "providers.py"
)
assert _spec and _spec.loader
providers = importlib.util.module_from_spec(_spec)
sys.modules["fake_providers"] = providers
_spec.loader.exec_module(providers)

KEYS = {"OPENAI_API_KEY": "sk-secret-openai-key", "ANTHROPIC_API_KEY": "sk-secret-anthropic-key"}


PATIENCE = Patience.model_validate(
    {"tries": 3, "first_seconds": 0.01, "longest_asked_seconds": 0.05, "in_all_seconds": 5.0}
)


class Front:
    """What a harness has: a base URL; and what the test sees besides."""

    def __init__(self, gateway: Gateway, client: httpx2.AsyncClient, directory: Path) -> None:
        self.gateway, self.client, self.directory = gateway, client, directory
        self.scope: Scope
        self.refused: list[tuple[str, str, str]] = []
        self.outages: list[str] = []
        self.answered: list[tuple[str, str]] = []

    async def post(self, path: str, body: Any, **options: Any) -> httpx2.Response:
        options.setdefault("headers", {"authorization": "Bearer autoagent-gateway"})
        return await self.client.post(path, json=body, **options)

    def bill(self) -> Bill:
        return self.gateway.bill("harbor-trial")


Open = Callable[..., AbstractAsyncContextManager[Front]]


@pytest.fixture
def fake() -> Iterator[Any]:
    """A provider on this machine."""
    with providers.provider() as running:
        yield running


@pytest.fixture
def front(fake: Any, tmp_path: Path) -> Open:
    """Open a gateway before `fake`: `async with front(models=("gpt-5",), dollars=1.0) as f`."""
    count = iter(range(100))

    @asynccontextmanager
    async def opened(
        *,
        owner: Owner | None = None,
        keys: Mapping[str, str] = KEYS,
        clock: Clock | None = None,
        **changes: Any,
    ) -> AsyncGenerator[Front]:
        directory = tmp_path / f"evaluation{next(count)}"
        trial = directory / "job" / "trial"
        trial.mkdir(parents=True)
        facts: dict[str, Any] = {
            "models": ("gpt-5", "claude-sonnet-4-5", "text-embedding-3-small"),
            "upstreams": {
                "openai": Upstream(
                    base_url=f"{fake.url}/v1", api_key_env="OPENAI_API_KEY", auth="bearer"
                ),
                "anthropic": Upstream(
                    base_url=fake.url, api_key_env="ANTHROPIC_API_KEY", auth="x-api-key"
                ),
            },
        }
        facts["patience"] = PATIENCE
        plan = GatewayPlan.model_validate(facts | changes)
        refused: list[tuple[str, str, str]] = []
        outages: list[str] = []
        answered: list[tuple[str, str]] = []
        gateway = Gateway(
            plan,
            directory,
            keys,
            on_refused=lambda trial, model, path: refused.append((trial, model, path)),
            on_outage=lambda provider, cause: outages.append(cause),
            on_answered=lambda asked, name: answered.append((asked, name)),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with gateway.running(), httpx2.AsyncClient(base_url=url, timeout=20) as client:
            found = Front(gateway, client, trial)
            found.refused, found.outages, found.answered = refused, outages, answered
            gateway.expect("harbor-trial", owner or Owner("e1.t.1", "t", 1, "d"), trial, clock)
            async with gateway.serving("harbor-trial", listener) as scope:
                found.scope = scope
                yield found
                await client.aclose()

    return opened
