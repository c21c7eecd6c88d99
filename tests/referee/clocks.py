"""The clocks of a machine, for tests of who goes by them."""

import time

import pytest

from autoagent.evidence import clocks
from autoagent.evidence.clocks import Uptime

HOUR = 3600.0


class Machine:
    """A kernel's clocks, which a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.boot, self.elapsed, self.awake = time.time(), "first", 5e4, 5e4
        monkeypatch.setattr("time.time", lambda: self.wall)
        monkeypatch.setattr(clocks, "uptime", lambda: Uptime(self.boot, self.elapsed, self.awake))

    def works(self, hours: float) -> None:
        self.wall += hours * HOUR
        self.elapsed += hours * HOUR
        self.awake += hours * HOUR

    def sleeps(self, hours: float) -> None:
        self.wall += hours * HOUR
        self.elapsed += hours * HOUR

    def is_off(self, hours: float) -> None:
        self.wall += hours * HOUR
        self.boot, self.elapsed, self.awake = "second", 60.0, 60.0

    def sets_its_clock(self, days: float) -> None:
        self.wall += days * 24 * HOUR
