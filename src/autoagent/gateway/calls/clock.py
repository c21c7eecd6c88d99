"""Rule R9 for time: what the provider and the gateway's own pauses take is not the trial's.

A clock stands still while a call of its trial waits to be asked (again) and the trial does nothing
else: no command of its runs, no other call of its is being answered. What a try took that failed by
the provider's fault is given back. So that nothing is gained by it, what turns out to be the
harness's own doing is taken back, and so is what stood for a call that it did not wait for; and a
clock stands for a bounded time in all.
"""

import math
from asyncio import get_running_loop
from collections.abc import Callable, Generator
from contextlib import contextmanager

TICK = 0.01
"""Seconds by which the loop's clock may be early."""
STANDS_MOST = 1800.0
"""Seconds that one trial's clock may stand still, in all; after that it goes on."""


class Clock:
    """One trial's time.

    Attributes:
        over: When it ended, its time had run out.
        calls: Those that are under way.
    """

    def __init__(self, *, commands_count: bool = True, stands_most: float = STANDS_MOST) -> None:
        """Begin to count with `begin`.

        Args:
            commands_count: Whether a command under way is something else that the trial does; not
                where its commands are what calls the model.
            stands_most: Seconds that it may stand still in all.
        """
        self._stands_most = stands_most
        self._commands_count = commands_count
        self._limit: float | None = None
        self._moved: Callable[[float], None] | None = None
        self._at = self._used = self._stood = self._quiet = self._given_until = 0.0
        self._ends = math.inf
        self._commands = self._asking = self._waiting = 0
        self.over = False
        self.calls: set[CallTime] = set()

    def begin(self, limit: float, moved: Callable[[float], None]) -> None:
        """The trial's time starts now, or that of its next step, which is another.

        `moved` is told, on the loop's clock, when it would end.
        """
        self._at, self._limit, self._moved = _now(), limit, moved
        self._used, self._ends, self.over = 0.0, math.inf, False
        self._tell()

    def end(self) -> None:
        """The trial's time is not measured any more; what it did not wait for stood for nothing."""
        self._tick()
        measured, self._moved = self._moved is not None, None
        for call in tuple(self.calls):
            call.own()
        if measured and self._limit is not None:
            self.over = self._used >= self._limit - TICK

    @property
    def stood(self) -> float:
        """Seconds that were not the trial's, so far."""
        self._tick()
        return self._stood

    @contextmanager
    def command(self) -> Generator[None]:
        """A command of the trial's is under way."""
        self._change(commands=int(self._commands_count))
        try:
            yield
        finally:
            self._change(commands=-int(self._commands_count))

    def call(self) -> "CallTime":
        """A call of the trial's begins."""
        return CallTime(self)

    def give_back(self, since: float) -> None:
        """Time counted since a mark of `quiet`, once, whoever asks for it."""
        self._tick()
        given = self._quiet - max(since, self._given_until)
        given = max(0.0, min(given, self._used, self._stands_most - self._stood))
        self._given_until = self._quiet
        self._used, self._stood = self._used - given, self._stood + given
        self._tell()

    def take_back(self, seconds: float) -> None:
        """Time that stood still, or was given back, for no fault but the trial's own."""
        self._tick()
        taken = min(max(0.0, seconds), self._stood)
        self._used, self._stood = self._used + taken, self._stood - taken
        self._tell()

    @property
    def quiet(self) -> float:
        """Seconds counted while no command ran: a mark for `give_back`."""
        self._tick()
        return self._quiet

    def change(self, *, asking: int = 0, waiting: int = 0) -> None:
        """A call begins or ends to be answered, or to wait."""
        self._change(asking=asking, waiting=waiting)

    def _change(self, *, commands: int = 0, asking: int = 0, waiting: int = 0) -> None:
        self._tick()
        self._commands += commands
        self._asking += asking
        self._waiting += waiting
        self._tell()

    @property
    def _stands(self) -> bool:
        return bool(self._waiting) and not self._commands and not self._asking

    def _tick(self) -> None:
        if self._limit is None or self._moved is None:
            return
        now = _now()
        passed, self._at = now - self._at, now
        if self._stands:
            standing = min(passed, max(0.0, self._stands_most - self._stood))
            self._stood += standing
            passed -= standing
        self._used += passed
        if not self._commands:
            self._quiet += passed

    def _tell(self) -> None:
        if self._limit is None or self._moved is None or self._at >= self._ends:
            return  # what was told and has come is not taken back
        still = max(0.0, self._stands_most - self._stood) if self._stands else 0.0
        self._ends = self._at + still + max(0.0, self._limit - self._used)
        self._moved(self._ends)


class CallTime:
    """What one call does with its trial's time; one that nobody waits for any more does nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stood, self._mark = clock.stood, 0.0
        self._waits = self._abandoned = False
        clock.calls.add(self)

    @contextmanager
    def asking(self) -> Generator[None]:
        """The provider has the call, and answers for as long as the block lasts."""
        self._mark = self._clock.quiet
        self._clock.change(asking=1)
        try:
            yield
        finally:
            self._clock.change(asking=-1)

    @contextmanager
    def waiting(self) -> Generator[None]:
        """The call waits for its turn, or to be asked again."""
        if not self._abandoned:
            self._waits = True
            self._clock.change(waiting=1)
        try:
            yield
        finally:
            self._awake()

    def failed(self) -> None:
        """The last try came to nothing: it took none of the trial's time."""
        if not self._abandoned:
            self._clock.give_back(self._mark)

    def own(self) -> None:
        """It is the harness's own doing after all: nothing stood still for it."""
        if self in self._clock.calls:
            self._clock.take_back(self._clock.stood - self._stood)
        self.done()

    def done(self) -> None:
        """It is settled: what stood still for it stays."""
        self._clock.calls.discard(self)

    def abandon(self) -> None:
        """Nobody waits for the answer any more, so neither does the clock."""
        self._abandoned = True
        self._awake()
        self.own()

    def _awake(self) -> None:
        if self._waits:
            self._waits = False
            self._clock.change(waiting=-1)


def _now() -> float:
    return get_running_loop().time()
