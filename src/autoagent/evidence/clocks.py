"""The journal's clock: how long the machine has been up, and which hour that makes it.

The clock on the wall is asked once for each start of the machine. From then on hours are what the
kernel counts, sleep included: a clock that somebody sets, forward or back, is nobody's time.
"""

import sqlite3
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Uptime(NamedTuple):
    """Seconds since the machine was started, all of them and those in which it did not sleep."""

    boot: str
    elapsed: float
    awake: float


def uptime() -> Uptime | None:
    """What the kernel says now, or None where it does not."""
    boot = _boot()
    if boot is None:
        return None
    elapsed, awake = time.CLOCK_BOOTTIME, time.CLOCK_MONOTONIC
    return Uptime(boot, time.clock_gettime(elapsed), time.clock_gettime(awake))


@cache
def _boot() -> str | None:
    """What tells this start of the machine from every other."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):  # no Linux: then sleep is not told from work
        return None


class Hours:
    """What time it is for a journal, and for how long its machine slept or was off.

    Where the kernel does not tell, it is what the clock on the wall says; and wherever it is told,
    it never runs backwards, nor slower than this process's own clock.
    """

    def __init__(self, db: sqlite3.Connection, *, read_only: bool) -> None:
        """Keep it beside the events, in tables that are the journal's; no event is of later."""
        self._db, self._read_only = db, read_only
        self._known = ("", 0.0)
        self._told = (0.0, time.monotonic())
        self.now(self._last())

    def now(self, least: float = 0.0) -> float:
        """Unix seconds, and no fewer than `least`."""
        (told, then), paced, up = self._told, time.monotonic(), uptime()
        hour = time.time() if up is None else self._start(up) + up.elapsed
        self._told = (max(hour, told + paced - then, least), paced)
        return self._told[0]

    def set_by_the_wall(self) -> None:
        """Take the wall's hour, where it is later: no night is played that it could shorten."""
        if (up := uptime()) is not None:
            began = max(self._start(up), time.time() - up.elapsed)
            self._db.execute("INSERT OR REPLACE INTO hours VALUES (?, ?)", (up.boot, began))
            self._known = up.boot, began

    def slept(self, least: float) -> float:
        """Seconds in which the machine slept or was off, and that were not told yet; each once.

        For who holds the workspace's lock.

        Args:
            least: What is less is told another time, with what comes to it: 0.0.
        """
        if (up := uptime()) is None:
            return 0.0
        row = self._db.execute("SELECT told FROM boots WHERE id = ?", (up.boot,)).fetchone()
        asleep = up.elapsed - up.awake
        told = row[0] if row else self._before(up, asleep)
        found = asleep - told if asleep - told >= least else 0.0
        if found or row is None:
            values = (up.boot, told + found)
            self._db.execute("INSERT OR REPLACE INTO boots VALUES (?, ?)", values)
        return found

    def _before(self, up: Uptime, asleep: float) -> float:
        """What counts as told of this start of the machine: the time it was off is not."""
        off = self._start(up) - last if (last := self._last()) else 0.0
        return -off if off > 0 else asleep

    def _start(self, up: Uptime) -> float:
        """The hour at which the machine was started, as whoever asked first heard it."""
        if self._known[0] == up.boot:
            return self._known[1]
        began = max(time.time(), self._last()) - up.elapsed
        with suppress(sqlite3.Error):  # a full disk, or an older journal that is only read
            if not (self._read_only or self._db.in_transaction):  # it may roll that back
                self._db.execute("INSERT OR IGNORE INTO hours VALUES (?, ?)", (up.boot, began))
            query = "SELECT began FROM hours WHERE boot = ?"
            if (row := self._db.execute(query, (up.boot,)).fetchone()) is not None:
                self._known = up.boot, row[0]
                return float(row[0])
        return began

    def _last(self) -> float:
        row = self._db.execute("SELECT at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return row[0] if row else 0.0
