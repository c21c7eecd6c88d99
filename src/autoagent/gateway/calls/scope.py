"""One trial's share of the gateway, or its verifiers': who calls, for which models, at whose cost.

Which scope a call belongs to follows from the socket it came in on; nothing that a harness
says can change it.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from autoagent.gateway.calls.asking import CallRefused, ModelCall
from autoagent.gateway.calls.clock import Clock
from autoagent.gateway.calls.recording import JUDGE_RECORDING, RECORDING, Exchange, Recorder, Replay
from autoagent.gateway.calls.redact import Redactor
from autoagent.gateway.money.prices import Price, Prices
from autoagent.gateway.money.purse import PICODOLLARS, BudgetSpent, Purse, Spending
from autoagent.gateway.money.usage import Caller, Owner, Usage
from autoagent.gateway.providers import Pin
from autoagent.records import STAND_IN_ENDING, ModelUse, clean

CALLS = 16
"""Calls of one scope that are under way at the same time."""
REFUSED_KEPT = 8
EFFORTS_KEPT = 64
PLAIN = "as it does by itself"
"""An effort that a call says nothing of."""


class End(NamedTuple):
    """Why a scope answers no more: its money is spent, or the provider failed."""

    kind: Literal["budget", "fault"]
    message: str


class Payment(NamedTuple):
    """Money set aside for a call."""

    call: str
    amount: int
    price: Price


class Scope:
    """A trial's, or its verifiers', way to the models.

    Attributes:
        slots: Bound on calls at the same time.
        use: What was used so far.
        end: Set once: no call is answered any more, and the trial should end.
        ended: Set with `end`.
        stand_in: Whether the stand-in has answered in the place of a model.
        clock: The trial's time, which calls that wait do not use up.
        answered: A call has got an answer that could be used.
    """

    def __init__(
        self,
        caller: Caller,
        owner: Owner,
        directory: Path,
        pin: Pin,
        *,
        purse: Purse,
        prices: Prices,
        spending: Spending,
        redactor: Redactor,
        replay: Replay | None,
        call_reserve: float | None,
        on_refused: Callable[[str, str, str], None] | None,
        on_answered: Callable[[str, str], None],
        clock: Clock,
        efforts: Sequence[str] | None = None,
    ) -> None:
        self._efforts = efforts
        self.clock = clock
        self.answered = False
        self.slots = asyncio.Semaphore(CALLS)
        self.redactor = redactor
        self.use = ModelUse()
        self.end: End | None = None
        self.ended = asyncio.Event()
        self.stand_in = False
        self._owner, self._directory, self._pin = owner, directory, pin
        self._purse, self._prices, self._spending = purse, prices, spending
        self._call_reserve, self._on_refused = call_reserve, on_refused
        self._on_answered = on_answered
        self._file = RECORDING if caller == "trial" else JUDGE_RECORDING
        self._replay = replay
        self._repeated = None if replay is None else replay.of(owner, self._file)
        self._recorder: Recorder | None = None
        self._charged = 0
        self._unpriced = False
        self._number = 0
        self._heard: list[list[float]] = []

    # before a call ----------------------------------------------------------------

    def number(self) -> int:
        """The next call's place in the order of this scope."""
        self._number += 1
        return self._number

    def check(self, asked: ModelCall) -> None:
        """Refuse any model but the pinned, at another effort too; it is remembered (threat A6).

        Raises:
            CallRefused: It is not pinned, or the scope has ended.
        """
        if self.end is not None:
            raise _over(self.end)
        if not self._pin.allows(asked.model):
            model = self._refused(asked, asked.model)
            message = f"The model {model!r} is refused: {self._pin.sentence}."
            raise CallRefused(403, "model_refused", message)
        if asked.effort is None:
            return
        name = self._pin.name_of(asked.model)
        effort = self.redactor.text(f"{name}: {asked.effort or PLAIN}")
        known = None if self._efforts is None else _of(name, self._efforts) or [f"{name}: {PLAIN}"]
        if known is not None and effort not in known:
            effort = self._refused(asked, effort)
            message = (
                f"{effort} is refused: how hard a model may think is pinned to what the baseline "
                f"asked for, {' or '.join(known)}. Ask for that"
            )
            raise CallRefused(403, "effort_refused", f"{message}.")
        if effort not in self.use.efforts and len(self.use.efforts) < EFFORTS_KEPT:
            self.use = self.use.replace(efforts=(*self.use.efforts, effort))

    def _refused(self, asked: ModelCall, what: str) -> str:
        """Remember what was asked for and is not pinned; as it may be told."""
        told = self.redactor.text(what)[:240]
        known = self.use.refused_models
        if told not in known and len(known) < REFUSED_KEPT:
            self.use = self.use.replace(refused_models=(*known, told))
            if self._on_refused:
                self._on_refused(self._owner.trial, told, asked.route.path)
        return told

    async def reserve(self, asked: ModelCall) -> Payment | None:
        """Set aside what the call can cost; None where no price is known (rule R10).

        Raises:
            CallRefused: There is not enough left; the scope has ended.
        """
        price = self._prices.of(asked.model)
        if asked.route.form == "count_tokens":
            return None
        if price is None:
            self._unpriced = True
            return None
        each = min(asked.output_most or price.output_most, price.output_most)
        inputs = price.input_most if asked.input_most is None else asked.input_most
        dollars = price.most(inputs, each * asked.choices)
        if self._call_reserve is not None:
            dollars = min(dollars, self._call_reserve)
        try:
            amount = await self._purse.reserve(dollars)
        except BudgetSpent as spent:
            fits = price.output_for(self._purse.least_left - price.most(inputs, 0)) // asked.choices
            lower = f"; an answer of {fits:,} tokens at most would fit" if fits < each else ""
            raise _over(self.finish(End("budget", f"out of budget: {spent}{lower}"))) from spent
        call = self._spending.reserved(self._owner.trial, amount / PICODOLLARS)
        return Payment(call, amount, price)

    def repeat(self, path: str, request: bytes) -> Exchange | None:
        """The recorded answer, or None where this is no replay.

        Raises:
            CallRefused: It is a replay, and the recording holds no such exchange.
        """
        if self._replay is None or self._repeated is None:
            return None
        exchange = self._repeated.take(path, request)
        if exchange is None:
            why = (
                f"replay: {self._replay.places} holds no answer to this call of "
                f"{self._owner.task}, attempt {self._owner.attempt}, to {path}"
            )
            raise _over(self.finish(End("fault", why)))
        return exchange

    # after a call -----------------------------------------------------------------

    def settle(
        self, payment: Payment | None, usage: Usage | None, *, free: bool, dollars: float | None
    ) -> float | None:
        """Count a call that ended; its cost in dollars, None where no price is known.

        Args:
            payment: What was reserved.
            usage: What the provider says was used; without it all that was reserved is charged.
            free: It was not answered, so it costs nothing.
            dollars: What a recording says it cost, in the place of a price.
        """
        self._count(usage, free=free)
        if payment is None:
            return dollars
        if free:
            dollars = 0.0
        elif dollars is None and usage is not None:
            dollars = payment.price.dollars(usage)
        charged = self._purse.settle(payment.amount, dollars)
        self._charged += charged
        self._spending.settled(payment.call, self._owner.trial, charged / PICODOLLARS)
        return charged / PICODOLLARS

    def record(self, exchange: Exchange, asked: str = "") -> None:
        """Write an exchange beside the trial, and remember which model answered for the `asked`."""
        self.stand_in = self.stand_in or exchange.answered_by.endswith(STAND_IN_ENDING)
        if asked and exchange.answered_by and exchange.status < 300:
            self._on_answered(asked, clean(self.redactor.text(exchange.answered_by)))
        if self._recorder is None:
            path = self._directory / self._file
            self._recorder = Recorder(path, self._owner, self.redactor)
        self._recorder.add(exchange)

    def finish(self, end: End) -> End:
        """Answer nothing any more; the first reason stands."""
        if self.end is None:
            self.end = end._replace(message=self.redactor.text(end.message))
            self.ended.set()
        return self.end

    @contextmanager
    def under_way(self) -> Generator[list[float]]:
        """A call is with the provider; when it last heard of it stands in the list."""
        heard = [asyncio.get_running_loop().time()]
        self._heard.append(heard)
        try:
            yield heard
        finally:
            self._heard = [each for each in self._heard if each is not heard]

    def undecided(self, seconds: float) -> bool:
        """Whether a call has heard nothing for so long: it is not known yet whose fault that is."""
        before = asyncio.get_running_loop().time() - seconds
        return any(heard[0] < before for heard in self._heard)

    def close(self) -> None:
        """Finish the recording."""
        if self._recorder is not None:
            self._recorder.close()

    @property
    def dollars(self) -> float | None:
        """What the calls cost so far; None where a call has no known price."""
        return None if self._unpriced else self._charged / PICODOLLARS

    def _count(self, usage: Usage | None, *, free: bool) -> None:
        told, before = usage or Usage(), self.use
        self.use = before.model_copy(
            update={
                "calls": before.calls + 1,
                "unmetered_calls": before.unmetered_calls + (usage is None and not free),
                "input_tokens": before.input_tokens + told.input,
                "cached_tokens": before.cached_tokens + told.cached,
                "output_tokens": before.output_tokens + told.output,
                "reasoning_tokens": before.reasoning_tokens + told.reasoning,
            }
        )


def _of(name: str, efforts: Sequence[str]) -> list[str]:
    """The efforts of one model."""
    return [effort for effort in efforts if effort.startswith(f"{name}: ")]


def _over(end: End) -> CallRefused:
    status, code = (429, "budget") if end.kind == "budget" else (409, "provider_failed")
    said = f"{end.message[:1].upper()}{end.message[1:]}"
    return CallRefused(status, code, f"{said}. The trial ends here.")
