"""The gateway of one worker: scopes come and go with their trials, the budget stays."""

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from socket import socket

from starlette.routing import Route, Router

from autoagent.gateway.calls.calling import Endpoint, elsewhere
from autoagent.gateway.calls.clock import Clock
from autoagent.gateway.calls.recording import Replay
from autoagent.gateway.calls.redact import Redactor
from autoagent.gateway.calls.scope import Scope
from autoagent.gateway.calls.upstream import ProviderClient
from autoagent.gateway.listening import Listening
from autoagent.gateway.money.prices import Prices
from autoagent.gateway.money.purse import Purse, Spending
from autoagent.gateway.money.usage import Bill, Caller, Owner
from autoagent.gateway.plan import GatewayPlan
from autoagent.gateway.providers import BASE_URLS, ROUTES, Pin, provider_named

PLACEHOLDER = "autoagent-gateway"
"""What a harness finds in the place of a key."""


class Gateway:
    """Every model call of one evaluation; `running` opens its connections.

    Attributes:
        redactor: Hides the keys.
        judges: Whether verifiers may call a model.
        serves_harness: Whether harnesses may call one.
    """

    def __init__(
        self,
        plan: GatewayPlan,
        directory: Path,
        keys: Mapping[str, str],
        *,
        on_refused: Callable[[str, str, str], None] | None = None,
        on_outage: Callable[[str, str], None] = lambda provider, cause: None,
        on_answered: Callable[[str, str], None] = lambda asked, answered: None,
    ) -> None:
        """Prepare the gateway.

        Args:
            plan: What is pinned, capped and configured.
            directory: The evaluation's own, where what was spent is written.
            keys: The providers' keys, by the variable that held them.
            on_refused: Told of another model that was asked for: trial, model, path.
            on_outage: Told which provider is out and why, and "" when it is back.
            on_answered: Told of each call that was answered which model was asked, and which one
                the answer names.
        """
        self._plan, self._on_refused, self._on_answered = plan, on_refused, on_answered
        self.redactor = Redactor(keys.values())
        self.judges = plan.judge is not None
        self.serves_harness = bool(plan.models)
        self._providers = {
            name: ProviderClient(
                name,
                upstream,
                keys.get(upstream.api_key_env),
                plan.patience,
                models=[model for model in plan.named if (provider_named(model) or name) == name],
                on_change=functools.partial(self._outage, on_outage, name),
            )
            for name in BASE_URLS
            if (upstream := plan.upstreams.get(name)) is not None
        }
        self._prices = Prices(plan.prices)
        self._spending = Spending(directory)
        self._purse = Purse("this evaluation", plan.dollars)
        for dollars in self._spending.before.values():
            self._purse.settle(0, dollars)
        self._replay = Replay(plan.replay) if plan.replay else None
        self._trials: dict[str, dict[Caller, Scope]] = {}
        routes = [
            Route(route.path, Endpoint(route, self._providers, plan.fields)) for route in ROUTES
        ]
        # Not an application: its layers turn errors into pages, which uvicorn does as well.
        self._listening = Listening(Router(routes, redirect_slashes=False, default=elsewhere))

    def _outage(self, told: Callable[[str, str], None], provider: str, cause: str) -> None:
        told(provider, self.redactor.text(cause))

    @property
    def unpriced(self) -> list[str]:
        """Models whose calls cost nothing known."""
        return [model for model in self._plan.named if self._prices.of(model) is None]

    @property
    def judge_variables(self) -> dict[str, str]:
        """What tells verifiers which model judges, as LiteLLM names it."""
        judge, upstreams = self._plan.judge, self._plan.upstreams
        if judge is None:
            return {}
        provider = provider_named(judge) or next(iter(upstreams))
        return {"JUDGE_MODEL": f"{provider}/{judge}"}

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Keep connections to the providers for as long as the block lasts."""
        async with AsyncExitStack() as stack:
            for provider in self._providers.values():
                await stack.enter_async_context(provider.running())
            try:
                yield
            finally:
                for name in list(self._trials):  # cut off without an end
                    self.bill(name)
                self._spending.close()

    async def back(self) -> None:
        """Wait until no provider is out."""
        for provider in self._providers.values():
            await provider.outage.over()

    def expect(self, name: str, owner: Owner, directory: Path, clock: Clock | None = None) -> None:
        """A trial begins: what it and its verifiers use is counted from here, and its time told."""
        plan, clock = self._plan, clock or Clock()
        own = Purse("this trial", plan.dollars_per_trial, self._purse)
        callers: dict[Caller, tuple[Pin, Purse]] = {"trial": (Pin(plan.models), own)}
        if plan.judge is not None:
            callers["verifier"] = (Pin((plan.judge,)), self._purse)
        self._trials[name] = {
            caller: Scope(
                caller,
                owner,
                directory,
                pin,
                purse=purse,
                prices=self._prices,
                spending=self._spending,
                redactor=self.redactor,
                replay=self._replay,
                call_reserve=plan.call_reserve_dollars,
                on_refused=self._on_refused,
                on_answered=self._on_answered,
                clock=clock if caller == "trial" else Clock(),
                efforts=plan.efforts if caller == "trial" else None,
            )
            for caller, (pin, purse) in callers.items()
        }

    @asynccontextmanager
    async def serving(
        self, name: str, listener: socket, caller: Caller = "trial", key: str | None = None
    ) -> AsyncGenerator[Scope]:
        """Answer the calls that come in on a trial's listener, with `key` where one is wanted.

        The worker's share of the listener is closed at the end; calls under way get a moment
        to tell what they cost.
        """
        scope = self._trials[name][caller]
        async with self._listening.serving(listener, scope, key):
            yield scope

    def bill(self, name: str) -> Bill:
        """What a trial that ended used, and whether a provider failed it."""
        ended = self._trials.pop(name)
        for scope in ended.values():
            scope.close()
        ends = [scope.end for scope in ended.values() if scope.end is not None]
        return Bill(
            cost_usd=ended["trial"].dollars if self.serves_harness else None,
            judge_cost_usd=ended["verifier"].dollars if self.judges else None,
            use=ended["trial"].use,
            fault=next((end.message for end in ends if end.kind == "fault"), None),
            answered=ended["trial"].answered,
            stand_in=any(scope.stand_in for scope in ended.values()),
        )

    def spent_before(self, trial: str) -> float | None:
        """What a trial cost whose worker was killed; None where nothing is known.

        What a call may cost is written down before it is forwarded: a trial without a line made
        none, unless what it called has no price.
        """
        metered = self.serves_harness and not self.unpriced
        return self._spending.before.get(trial, 0.0 if metered else None)

    @property
    def spent(self) -> asyncio.Event:
        """Set once the evaluation's money could not pay for a call."""
        return self._purse.refused


def variables(port: int, key: str = PLACEHOLDER) -> dict[str, str]:
    """What any SDK reads to find the gateway, on a port of the caller's own loopback."""
    base = f"http://127.0.0.1:{port}"
    return {
        "OPENAI_BASE_URL": f"{base}/v1",
        "OPENAI_API_BASE": f"{base}/v1",  # what LiteLLM reads
        "OPENAI_API_KEY": key,
        "OPENAI_AGENTS_DISABLE_TRACING": "1",  # traces would go to a host that is out of reach
        "ANTHROPIC_BASE_URL": base,
        "ANTHROPIC_API_BASE": base,
        "ANTHROPIC_API_KEY": key,
    }
