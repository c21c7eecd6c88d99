"""A provider that is out: while it is, no trial begins; probes find out when it is back.

The gaps between probes grow. Nothing that a harness does opens or closes this: a call of our own
does (rule R9).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from autoagent.config import Patience
from autoagent.gateway.calls.probing import Finding


class Outage:
    """Whether one provider is out.

    Attributes:
        cause: What it said last; "" while it answers.
    """

    def __init__(
        self,
        patience: Patience,
        probe: Callable[[], Awaitable[Finding]],
        on_change: Callable[[str], None],
    ) -> None:
        """Begin with a provider that answers.

        Args:
            patience: How far probes are apart.
            probe: Asks the provider something of our own.
            on_change: Told the cause when it goes out, and "" when it is back.
        """
        self.cause = ""
        self._patience, self._probe, self._on_change = patience, probe, on_change
        self._back = asyncio.Event()
        self._back.set()
        self._probing: asyncio.Task[None] | None = None

    def open(self, cause: str) -> None:
        """It went out; it is asked again until it answers."""
        if self.cause:
            return
        self.cause = cause
        self._back.clear()
        self._on_change(cause)
        self._probing = asyncio.create_task(self._ask())

    async def over(self) -> None:
        """Wait until it answers."""
        await self._back.wait()

    async def close(self) -> None:
        """Ask no more."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _ask(self) -> None:
        gap = self._patience.probe_seconds
        while True:
            await asyncio.sleep(gap * random.uniform(0.9, 1.1))
            if (await self._probe()).state == "well":
                break
            gap = min(2 * gap, self._patience.probe_longest_seconds)
        self.cause = ""
        self._back.set()
        self._on_change("")
