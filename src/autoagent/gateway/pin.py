"""The model pin: a harness gets the models the human chose, or their dated snapshots."""

import re
from collections.abc import Iterable

from autoagent.gateway.providers import bare

_DATE = r"-(\d{4}-\d{2}-\d{2}|\d{8})"


class Pin:
    """The names a caller may ask for."""

    def __init__(self, models: Iterable[str]) -> None:
        """Allow these, spelled with or without their provider in front."""
        self.models = tuple(models)
        names = {name for model in self.models for name in (model, bare(model))}
        alternatives = "|".join(re.escape(name) for name in sorted(names))
        self._allowed = re.compile(f"(?:{alternatives})(?:{_DATE})?") if names else None

    def allows(self, model: str) -> bool:
        """Whether `model` is a pinned name or that name with a date: gpt-5-2025-08-07 for gpt-5."""
        return self._allowed is not None and self._allowed.fullmatch(model) is not None

    @property
    def sentence(self) -> str:
        """What is pinned, for a refusal."""
        return f"this climb is pinned to {' and '.join(self.models) or 'no model'}"
