"""What a worker's gateway must know, decided in the server: no key is in it.

The gateway is on where the pinned model is one that a provider serves and a key, a base
URL or a recording to replay is configured. Otherwise a harness has no network at all.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from autoagent.config import FILE_NAME, Config, ModelPrice, Patience
from autoagent.errors import ConfigError
from autoagent.files import env_file_values
from autoagent.gateway.money.prices import Prices
from autoagent.gateway.providers import BASE_URLS, ProviderName, provider_named
from autoagent.records import Record

ENV_FILE = ".env"
NO_MODEL = ("rules", "none")
"""What harnesses without a model say."""
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
"""A worker with a gateway sees these too: a corporate proxy may be the only way out."""


class Upstream(Record):
    """Where a provider's calls go, and the variable that holds its key."""

    base_url: str
    api_key_env: str
    auth: str


class GatewayPlan(Record):
    """A part of the evaluation's description, frozen before its worker starts.

    `models` are the names a harness may ask for, the pinned one first; `judge` is the model
    that verifiers may ask for. `dollars_per_trial` and `dollars` are caps, None for none.
    `efforts` is how hard harnesses may ask, None for as hard as they like. `fields` of calls are
    passed on besides those that the gateway understands.
    """

    models: tuple[str, ...]
    judge: str | None = None
    upstreams: Mapping[str, Upstream]
    prices: Mapping[str, ModelPrice] = {}
    efforts: tuple[str, ...] | None = None
    dollars_per_trial: float | None = None
    dollars: float | None = None
    call_reserve_dollars: float | None = None
    fields: tuple[str, ...] = ()
    replay: tuple[Path, ...] = ()
    env_file: Path | None = None
    patience: Patience = Patience()  # pyright: ignore[reportCallIssue]

    @property
    def named(self) -> list[str]:
        """Every model that may be asked for."""
        return [*self.models, *filter(None, [self.judge])]


def plan(
    config: Config, model: str | None, root: Path, dollars: float | None = None
) -> GatewayPlan | None:
    """The gateway of an evaluation, or None where the harness and the verifiers need none.

    Args:
        config: The rules of the climb.
        model: The pinned model.
        root: The workspace, for its `.env` and a relative `gateway.replay`.
        dollars: What the evaluation's calls may cost in all; None for no cap.

    Raises:
        ConfigError: Dollars are capped and a model has no known price, or there is no recording.
    """
    gateway, budget = config.gateway, config.budget
    env_file = root / ENV_FILE
    wanted = [name for name in (model, *gateway.models, gateway.judge) if name]
    providers = {serving(config, name) for name in wanted}
    upstreams = {
        provider: upstream_of(config, provider)
        for provider in BASE_URLS
        if provider in providers and (gateway.replay or _configured(config, provider, env_file))
    }
    served = tuple(n for n in (model, *gateway.models) if n and serving(config, n) in upstreams)
    pinned = served if model in served else ()
    judge = gateway.judge if gateway.judge and serving(config, gateway.judge) in upstreams else None
    if not pinned and judge is None:
        return None
    capped = budget.dollars is not None or budget.dollars_per_trial > 0
    if capped and not gateway.replay:
        _require_prices(config, [*pinned, *([judge] if judge else [])])
    return GatewayPlan(
        models=pinned,
        judge=judge,
        upstreams=upstreams,
        prices=gateway.prices,
        dollars_per_trial=budget.dollars_per_trial or None,
        dollars=dollars,
        call_reserve_dollars=gateway.call_reserve_dollars,
        fields=gateway.fields,
        replay=recordings(config, root),
        env_file=env_file,
        patience=gateway.patience,
    )


def recordings(config: Config, root: Path) -> tuple[Path, ...]:
    """Where the recordings lie that answer in the place of any provider; none is no replay.

    Raises:
        ConfigError: A directory is missing.
    """
    named = config.gateway.replay or ()
    places = tuple(root / name for name in ((named,) if isinstance(named, str) else named))
    for place in places:
        if not place.is_dir():
            raise ConfigError(
                f"gateway.replay: {place} is not a directory. Name one of recorded evaluations, "
                f"such as .autoagent/jobs ({FILE_NAME})."
            )
    return places


def serving(config: Config, model: str) -> ProviderName | None:
    """The provider that serves a model: as its name says, else whose base URL is configured."""
    if named := provider_named(model):
        return named
    if model in NO_MODEL:
        return None
    for provider in BASE_URLS:
        if getattr(config.gateway, provider).base_url:
            return provider
    return None


def upstream_of(config: Config, provider: ProviderName) -> Upstream:
    """Where a provider's calls go."""
    section = getattr(config.gateway, provider)
    return Upstream(
        base_url=(section.base_url or BASE_URLS[provider]).rstrip("/"),
        api_key_env=section.api_key_env,
        auth=section.auth,
    )


def _configured(config: Config, provider: ProviderName, env_file: Path) -> bool:
    """Whether a provider can be called: with a key, or at a base URL that may need none."""
    if getattr(config.gateway, provider).base_url:
        return True
    return bool(keys([upstream_of(config, provider)], env_file, os.environ))


def keys(
    upstreams: list[Upstream], env_file: Path | None, environment: Mapping[str, str]
) -> dict[str, str]:
    """The keys there are, by variable: from the environment, else from the workspace's `.env`."""
    names = {upstream.api_key_env for upstream in upstreams}
    found = {name: environment[name] for name in names if environment.get(name)}
    if missing := names - set(found):
        values = env_file_values(env_file)
        found |= {n: value for n in missing if (value := values.get(n))}
    return found


def worker_variables(plan: GatewayPlan, environment: Mapping[str, str]) -> dict[str, str]:
    """What a worker with a gateway finds in its environment besides: keys and proxies."""
    names = [name for upper in PROXY_VARIABLES for name in (upper, upper.lower())]
    proxies = {name: environment[name] for name in names if environment.get(name)}
    return proxies | keys(list(plan.upstreams.values()), plan.env_file, environment)


def _require_prices(config: Config, models: list[str]) -> None:
    prices = Prices(config.gateway.prices)
    for model in models:
        if prices.of(model) is None:
            raise ConfigError(
                f"No price is known for {model!r}, so autoagent.toml's cap on dollars could not "
                f'be held. Add `[gateway.prices."{model}"]` with `input` and `output` in dollars '
                "per million tokens, or take the caps away."
            )
