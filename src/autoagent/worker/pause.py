"""While where trials run does not answer, no trial begins; it is asked until it does (rule R9).

A Docker daemon that is stopped and started again costs the trials that were running, each of which
is void and runs again, and not the evaluation.
"""

import asyncio
from collections.abc import Callable

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 15.0
"""The gaps between two questions: each is twice as long as the one before."""


class Pause:
    """What every trial of a worker waits for before it begins."""

    def __init__(self, trouble: Callable[[], str], on_change: Callable[[str], None]) -> None:
        """Nobody waits yet.

        Args:
            trouble: Why no trial can run now, or ""; it may block.
            on_change: Told that before the first wait, and "" after it.
        """
        self._trouble, self._on_change = trouble, on_change
        self._asking = asyncio.Lock()

    async def over(self) -> None:
        """Return once a trial can run; trials that start together ask after each other."""
        async with self._asking:
            cause = await asyncio.to_thread(self._trouble)
            if not cause:
                return
            self._on_change(cause)
            gap = FIRST_SECONDS
            while cause:
                await asyncio.sleep(gap)
                cause, gap = await asyncio.to_thread(self._trouble), min(2 * gap, LONGEST_SECONDS)
            self._on_change("")
