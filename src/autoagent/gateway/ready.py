"""What a human is told before a night of how the harness reaches its model; no call is made.

A harness that sets no limit on its model's answers reserves the longest that the model can give,
which may be dearer than a whole trial may be: then every trial would crash at its first call.
"""

import math
import os
from pathlib import Path
from typing import Literal

from autoagent.config import FILE_NAME, Config
from autoagent.errors import ConfigError
from autoagent.gateway.money.prices import Prices
from autoagent.gateway.money.usage import Usage
from autoagent.gateway.plan import GatewayPlan, keys, plan, serving, upstream_of

type Limits = tuple[int, ...] | None
"""What a harness sets on its model's answers, in tokens, smallest first.

None where it sets none, and empty where nobody knows what it sets.
"""
MILLION = 1_000_000
SHORT = 1000
"""Tokens of a short prompt: a call reserves what it reads, too."""
HALF = 2
"""A limit that is advised leaves the other half of a cap to what is read and to other calls."""


def model_row(
    config: Config, model: str | None, root: Path, limits: Limits = ()
) -> tuple[str, Literal["ok", "note"]]:
    """How the harness reaches its model, and the judge if there is one.

    Raises:
        ConfigError: The harness cannot: no key, no recording, a cap without a price, or one that
            is too low for a call.
    """
    planned = plan(config, model, root)
    for name in [name for name in (model, *config.gateway.models) if name]:
        provider = serving(config, name)
        if provider is not None and (planned is None or provider not in planned.upstreams):
            variable = upstream_of(config, provider).api_key_env
            raise ConfigError(
                f"{name} is a model of {provider}'s, and there is no {variable} in the "
                f"environment or in {root / '.env'}: the harness would have no network at all. "
                "Set it in one of them, or pin a model that you have a key for."
            )
    if too_dear := unpaid(config, planned, limits):
        raise ConfigError(too_dear)
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
    for name in planned.named:
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


def unpaid(config: Config, planned: GatewayPlan | None, limits: Limits) -> str:
    """Why no call could be paid, and the limit that lets one be; "" where one can.

    Args:
        config: The rules, with the caps that hold.
        planned: The gateway, or None where no model is called.
        limits: The harness's.
    """
    key = "dollars_per_trial" if config.budget.dollars_per_trial else "dollars"
    cap: float | None = getattr(config.budget, key)
    if planned is None or not planned.models or not cap or planned.replay or limits == ():
        return ""
    model = planned.models[0]
    price = Prices(planned.prices).of(model)
    if price is None:
        return ""
    longest = min(limits[0] if limits else price.output_most, price.output_most)
    reserved = price.most(SHORT, longest)
    if min(reserved, planned.call_reserve_dollars or reserved) <= cap:
        return ""
    file = config.harness.file
    sets = (
        f"allows {longest:,} tokens in" if limits else f"sets no limit below {longest:,} tokens on"
    )
    fits = price.output_for(cap / HALF)
    fits -= fits % 100 if fits > 100 else 0
    enough = math.ceil(reserved * 100) / 100
    lower = (
        f"Set a limit of {fits:,} tokens or less in {file} (max_output_tokens, "
        "max_completion_tokens or max_tokens, as the SDK calls it), or"
    )
    return (
        f"{file} {sets} an answer of {model}: each call reserves ${enough:g} or so, and "
        f"budget.{key} is {cap:g}, so none could be made. {lower if fits < longest else 'Set'} "
        f"budget.{key} to {enough:g} or more ({FILE_NAME})."
    )
