"""How long the machine has been up, and for how much of that it was awake."""

import time
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
