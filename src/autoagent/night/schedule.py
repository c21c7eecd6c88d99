"""When a night is played: hours of the day as instants, whatever the clock does meanwhile."""

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from datetime import time as hour_of_day
from typing import NamedTuple

Clock = Callable[[], float]


class Window(NamedTuple):
    """Unix seconds of a night's start and end; no end where nobody named one."""

    start: float
    end: float | None


def window(at: str | None, until: str | None, now: float, zone: tzinfo | None = None) -> Window:
    """The night that is on at `now`, else the next one.

    Args:
        at: The hour it starts, as HH:MM; None starts now.
        until: The hour it ends; None leaves that to the budget.
        now: Unix seconds.
        zone: Whose hours; None is the machine's own zone.
    """
    end = next(i for i in _instants(until, now, zone) if i > now) if until else None
    if at is None:
        return Window(now, end)
    if end is None:
        return Window(next(i for i in _instants(at, now, zone) if i >= now), None)
    return Window(max(now, [i for i in _instants(at, end, zone) if i < end][-1]), end)


def _instants(hour: str, around: float, zone: tzinfo | None) -> list[float]:
    """When clocks show `hour` on the days around an instant, in order.

    An hour that is there twice counts twice; one that a change of clocks skips is when it
    would have been without the change.
    """
    clock = hour_of_day.fromisoformat(hour)
    today = datetime.fromtimestamp(around, zone).date()
    found: set[float] = set()
    for days in range(-2, 3):
        for fold in (0, 1):
            moment = datetime.combine(today + timedelta(days), clock, zone).replace(fold=fold)
            instant = moment.timestamp()
            if fold == 0 or datetime.fromtimestamp(instant, zone).time() == clock:
                found.add(instant)
    return sorted(found)


class Deadline:
    """An end that comes by the clock on the wall or by the time that passed, whichever is first.

    So a clock that is set back does not lengthen a night, and a machine that slept through its
    end, whose own time stood still, does not play on.
    """

    def __init__(
        self, end: float | None, wall: Clock = time.time, paced: Clock = time.monotonic
    ) -> None:
        """End at Unix second `end`; None never ends."""
        self._wall, self._paced = wall, paced
        self._end = math.inf if end is None else end
        self._paced_end = paced() + self._end - wall()

    def left(self) -> float:
        """Seconds that are left; negative when it is over."""
        return min(self._end - self._wall(), self._paced_end - self._paced())
