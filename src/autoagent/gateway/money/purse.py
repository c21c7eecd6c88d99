"""Rule R10 for calls: money is reserved before a call is forwarded and settled after it.

A purse never promises more than its cap. A call that would fit if others gave back what
they do not use waits for them; one that would not fit even then is refused. `Spending` keeps it in
a file: a line is written before a call is forwarded and another when it is settled. A call that was
never settled counts as all that was reserved for it.
"""

import asyncio
import itertools
import json
import math
import os
from collections import defaultdict
from pathlib import Path

from autoagent.files import flush

PICODOLLARS = 10**12
"""Money is counted in whole numbers of this part of a dollar: sums of floats drift."""
SPENT_FILE = "spent.jsonl"
"""In an evaluation's directory."""


class BudgetSpent(Exception):
    """A purse cannot pay for a call, whatever others give back."""

    def __init__(self, purse: "Purse", asked: int) -> None:
        super().__init__(
            f"this call may cost up to ${asked / PICODOLLARS:.4f} and ${purse.left:.4f} of the "
            f"${purse.cap or 0:.2f} for {purse.name} are left"
        )


class Purse:
    """Dollars for one trial, or for a whole evaluation, out of which its trials are paid.

    Attributes:
        name: Whose it is, for a refusal.
        parent: The purse that every payment comes out of as well.
        cap: Dollars, None for no limit.
        refused: Set once it could not pay for a call.
    """

    def __init__(self, name: str, cap: float | None, parent: "Purse | None" = None) -> None:
        self.name, self.cap, self.parent = name, cap, parent
        self._cap = None if cap is None else math.floor(cap * PICODOLLARS)
        self._spent = self._reserved = 0
        self.refused = asyncio.Event()
        self._root: Purse = parent._root if parent else self
        self._changed = asyncio.Event() if parent is None else self._root._changed

    @property
    def spent(self) -> float:
        """Dollars that calls have cost."""
        return self._spent / PICODOLLARS

    @property
    def left(self) -> float:
        """Dollars that are neither spent nor reserved."""
        return max(0, (self._cap or 0) - self._spent - self._reserved) / PICODOLLARS

    @property
    def least_left(self) -> float:
        """Dollars that are not spent, in the purse of the line that has least."""
        capped = [purse._cap - purse._spent for purse in self._line() if purse._cap is not None]
        return max(0, min(capped, default=0)) / PICODOLLARS

    async def reserve(self, dollars: float) -> int:
        """Set money aside, here and in every purse above; give it back with `settle`.

        Raises:
            BudgetSpent: It cannot be paid.
        """
        amount = math.ceil(dollars * PICODOLLARS)
        while True:
            waits = False
            for purse in self._line():
                if purse._cap is None:
                    continue
                if purse._spent + amount > purse._cap:
                    purse.refused.set()
                    raise BudgetSpent(purse, amount)
                waits = waits or purse._spent + purse._reserved + amount > purse._cap
            if not waits:
                for purse in self._line():
                    purse._reserved += amount
                return amount
            self._changed.clear()  # no await since it was looked at: no change is missed
            await self._changed.wait()

    def settle(self, reserved: int, dollars: float | None) -> int:
        """Exchange a reservation for what the call cost; None is all that was reserved.

        Returns:
            What was charged, in picodollars.
        """
        cost = reserved if dollars is None else math.ceil(round(dollars * PICODOLLARS, 3))
        for purse in self._line():
            purse._reserved -= reserved
            purse._spent += cost
        self._root._changed.set()
        return cost

    def _line(self) -> "list[Purse]":
        return [self, *(self.parent._line() if self.parent else [])]


class Spending:
    """The evaluation's calls in dollars, those of earlier workers included."""

    def __init__(self, directory: Path) -> None:
        """Read what earlier workers left, then go on writing."""
        path = directory / SPENT_FILE
        before: dict[str, tuple[str, float]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                try:
                    call, trial, dollars = json.loads(line)
                except ValueError:  # the last line of a worker that was killed
                    continue
                before[call] = (trial, float(dollars))
        self.before: dict[str, float] = defaultdict(float)
        for trial, dollars in before.values():
            self.before[trial] += dollars
        self._numbers = itertools.count(len(before))
        self._file = path.open("a")
        flush(directory)
        if self._file.tell():  # what is there may end within a line
            self._file.write("\n")

    def reserved(self, trial: str, dollars: float) -> str:
        """Write a reservation down, on the disk before the call is made; the id to settle it by.

        A settlement that a power cut loses leaves all that was reserved charged.
        """
        call = str(next(self._numbers))
        self.settled(call, trial, dollars)
        os.fdatasync(self._file.fileno())
        return call

    def settled(self, call: str, trial: str, dollars: float) -> None:
        """Write down what the call cost."""
        self._file.write(json.dumps([call, trial, dollars]) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
