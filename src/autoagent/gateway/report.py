"""What the human should know about the gateway before a night, in one row. No call is made."""

import os
from pathlib import Path
from typing import Literal

from autoagent.config import FILE_NAME, Config
from autoagent.errors import ConfigError
from autoagent.gateway.plan import keys, plan, serving, upstream_of
from autoagent.gateway.prices import Prices
from autoagent.gateway.usage import Usage

MILLION = 1_000_000


def model_row(config: Config, model: str | None, root: Path) -> tuple[str, Literal["ok", "note"]]:
    """How the harness reaches its model, and the judge if there is one.

    Raises:
        ConfigError: The harness cannot: no key, no recording, or a cap without a price.
    """
    planned = plan(config, model, root)
    for name in [name for name in (model, *config.gateway.models) if name]:
        provider = serving(config, name)
        if provider is not None and (planned is None or provider not in planned.upstreams):
            variable = upstream_of(config, provider).api_key_env
            raise ConfigError(
                f"{name} is a model of {provider}'s, and there is no {variable} in the "
                f"environment or in {root / '.env'}: the harness would have no network at all."
            )
    judge = config.gateway.judge
    unheard = judge is not None and (planned is None or planned.judge is None)
    unjudged = f"; {judge} (judge) has no key: tasks that ask it are left out" if unheard else ""
    if planned is None:
        said = f"{model or 'none'}: no provider's, so the harness has no network"
        return f"{said}{unjudged}", "note" if unheard else "ok"
    if planned.replay:
        places = ", ".join(map(str, planned.replay))
        return f"answers come from {places}; no provider is called", "note"
    found: list[str] = []
    blank = False
    prices = Prices(config.gateway.prices)
    for name in [*planned.models, *([planned.judge] if planned.judge else [])]:
        provider = serving(config, name)
        assert provider is not None
        upstream = planned.upstreams[provider]
        keyed = keys([upstream], planned.env_file, os.environ)
        price = prices.of(name)
        blank = blank or price is None
        cost = (
            f"${price.dollars(Usage(input=1)) * MILLION:.2f} in and "
            f"${price.dollars(Usage(output=1)) * MILLION:.2f} out per million tokens"
            if price
            else f"no known price, so what it costs stays blank ({FILE_NAME}: gateway.prices)"
        )
        key = f"key in {upstream.api_key_env}" if keyed else "no key"
        judge = " (judge)" if name == planned.judge else ""
        found.append(f"{name}{judge} at {upstream.base_url}, {key}, {cost}")
    return "; ".join(found) + unjudged, "note" if blank or unheard else "ok"
