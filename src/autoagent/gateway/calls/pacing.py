"""The pace of calls to one provider: one limiter for all trials.

A refusal for too many calls halves the concurrency, answers let it grow again. A `retry-after` that
one trial met holds for all of them.
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from autoagent.config import Patience


class Pacing:
    """The turns that calls to one provider take."""

    def __init__(self, patience: Patience | None = None, most: int = 128) -> None:
        """Begin with half of `most` calls at a time."""
        self.patience = patience or Patience()  # pyright: ignore[reportCallIssue]
        self._most, self._limit = float(most), max(1.0, most / 2)
        self._busy = 0
        self._not_before = 0.0
        self._slowed_at = 0.0
        self._free = asyncio.Condition()
        self.last_success = -1.0
        """When a call last went well, on the loop's clock."""

    @property
    def limit(self) -> int:
        """Calls that may be under way at the same time, at present."""
        return int(self._limit)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until one more call is welcome; it is under way for as long as the block lasts."""
        async with self._free:
            await self._free.wait_for(lambda: self._busy < self.limit)
            self._busy += 1
        try:
            await self._welcome()
            yield
        finally:
            self._busy -= 1
            async with self._free:
                self._free.notify_all()

    async def _welcome(self) -> None:
        """Wait out what the provider asked for, and what it asked for since."""
        wait = self._not_before - _now()
        if wait > 0:
            await asyncio.sleep(wait * random.uniform(1.0, 1.1))
            await self._welcome()

    def went_well(self) -> None:
        """A call was answered: a little more is welcome."""
        self._limit = min(self._most, self._limit + 1 / self._limit)
        self.last_success = _now()

    def too_many(self, retry_after: float | None, started: float) -> None:
        """The provider asks for less; calls started before it last asked tell nothing new."""
        if started >= self._slowed_at:
            self._limit, self._slowed_at = max(1.0, self._limit / 2), _now()
        if retry_after is not None:
            until = _now() + min(retry_after, self.patience.longest_asked_seconds)
            self._not_before = max(self._not_before, until)

    def pause(self, failures: int, retry_after: float | None) -> float:
        """Seconds to wait after so many failures: longer each time, and never in step."""
        if retry_after is not None:
            return min(retry_after, self.patience.longest_asked_seconds) * random.uniform(1.0, 1.1)
        longest = min(
            self.patience.longest_seconds, self.patience.first_seconds * 2.0 ** (failures - 1)
        )
        return longest * random.uniform(0.5, 1.0)

    def gives_up(self, failures: int, started: float, wait: float) -> bool:
        """Whether another try would be one too many."""
        tired = _now() + wait - started > self.patience.in_all_seconds
        return failures >= self.patience.tries or tired


def _now() -> float:
    return asyncio.get_running_loop().time()
