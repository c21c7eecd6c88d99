"""What tokens cost, from LiteLLM's published price file read as data, and the human's overrides.

A model without a price costs *nothing known*: None, never 0. LiteLLM itself is not imported.
"""

import importlib.util
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from autoagent.config import ModelPrice
from autoagent.gateway.money.usage import Usage
from autoagent.gateway.providers import DATE, bare

PRICE_FILE = "model_prices_and_context_window_backup.json"
OUTPUT_MOST = 128_000
INPUT_MOST = 1_000_000
"""Where nothing says how much a model takes or gives."""
_TIERS = ("flex", "priority")
_DATED = re.compile(f"{DATE}$")
_ABOVE = re.compile(r"(.+)_above_(\d+)k_tokens((?:_flex|_priority)?)")


class Price(NamedTuple):
    """Dollars for one token of each kind, under the file's own names, and a model's limits."""

    rates: Mapping[str, float]
    input_most: int = INPUT_MOST
    output_most: int = OUTPUT_MOST
    above: tuple[tuple[int, str, float], ...] = ()
    """Rates of long prompts: tokens beyond which they hold, name, dollars; lowest first."""

    def dollars(self, usage: Usage) -> float:
        """What a call cost."""
        tier = f"_{usage.tier}" if usage.tier in _TIERS else ""
        plain = usage.input - usage.cached - usage.written - usage.written_long

        def rate(name: str, otherwise: float) -> float:
            found = self.rates.get(name + tier, self.rates.get(name, otherwise))
            for threshold, plain_name, value in self.above:  # the highest that is passed stands
                if usage.input > threshold and plain_name in (name, name + tier):
                    found = value
            return found

        one = rate("input_cost_per_token", 0.0)
        written = rate("cache_creation_input_token_cost", one)
        return (
            plain * one
            + usage.cached * rate("cache_read_input_token_cost", one)
            + usage.written * written
            + usage.written_long * rate("cache_creation_input_token_cost_above_1hr", written)
            + usage.output * rate("output_cost_per_token", 0.0)
        )

    def most(self, input_tokens: int, output_tokens: int) -> float:
        """What a call with so many tokens can cost at the very most, whatever is cached."""
        tokens = min(input_tokens, self.input_most)
        kinds = (
            Usage(input=tokens, output=output_tokens),
            Usage(input=tokens, written=tokens, output=output_tokens),
            Usage(input=tokens, written_long=tokens, output=output_tokens),
            Usage(input=tokens, cached=tokens, output=output_tokens),
        )
        return max(self.dollars(usage) for usage in kinds)

    def output_for(self, dollars: float) -> int:
        """How many tokens of an answer can be had for so much."""
        each = self.most(0, 1)
        return int(max(0.0, dollars) / each) if each else self.output_most


class Prices:
    """Prices by model; the human's own first."""

    def __init__(self, overrides: Mapping[str, ModelPrice]) -> None:
        self._overrides = overrides
        self._found: dict[str, Price | None] = {}

    def of(self, model: str) -> Price | None:
        """The price of a model, or of the model it is a dated snapshot of; None if unknown."""
        if model not in self._found:
            self._found[model] = self._look_up(model)
        return self._found[model]

    def _look_up(self, model: str) -> Price | None:
        for name in dict.fromkeys((model, bare(model), _DATED.sub("", bare(model)))):
            if name in self._overrides:
                return _overridden(self._overrides[name])
            if (facts := published().get(name)) and (price := _price(facts)):
                return price
        return None


@cache
def published() -> dict[str, dict[str, Any]]:
    """LiteLLM's file; empty where LiteLLM is not installed or the file has moved."""
    spec = importlib.util.find_spec("litellm")
    if spec is None or spec.origin is None:
        return {}
    try:
        return json.loads((Path(spec.origin).parent / PRICE_FILE).read_bytes())
    except (OSError, ValueError):
        return {}


def _price(facts: Mapping[str, Any]) -> Price | None:
    rates = {
        name: float(value)
        for name, value in facts.items()
        if "cost" in name and "token" in name and isinstance(value, int | float)
    }
    if "input_cost_per_token" not in rates or "output_cost_per_token" not in rates:
        return None
    above = [
        (int(part[2]) * 1000, part[1] + part[3], value)
        for name, value in rates.items()
        if (part := _ABOVE.fullmatch(name))
    ]
    return Price(
        rates,
        _limit(facts, "max_input_tokens", INPUT_MOST),
        _limit(facts, "max_output_tokens", OUTPUT_MOST),
        tuple(sorted(above)),
    )


def _limit(facts: Mapping[str, Any], name: str, otherwise: int) -> int:
    value = facts.get(name)
    if isinstance(value, int):
        return value
    return 0 if facts.get("mode") == "embedding" else otherwise


def _overridden(given: ModelPrice) -> Price:
    million = 1_000_000
    cached = given.input if given.cached is None else given.cached
    written = given.input if given.cache_write is None else given.cache_write
    rates = {
        "input_cost_per_token": given.input / million,
        "cache_read_input_token_cost": cached / million,
        "cache_creation_input_token_cost": written / million,
        "output_cost_per_token": given.output / million,
    }
    return Price(rates, INPUT_MOST, given.max_output_tokens or OUTPUT_MOST)
