"""What an evaluation measures next: pass by pass, until the gate has seen enough.

The worker runs what is due and notes what ended; it decides nothing. Replaying the same trials
in any order leads to the same answer, which is how a verdict is audited.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from autoagent.gate.passes import ContestState, Count
from autoagent.gate.rules import anytime, confirm, strict
from autoagent.records import Contest, Glimpse, Running, Trial

ANSWERS = {"strict": strict.answer, "confirm": confirm.answer, "anytime": anytime.answer}
"""The gates that count passes; `posterior` goes by blocks (`blocks`)."""


class Slot(NamedTuple):
    """What is to be measured once: an attempt at a task by one side's harness ("" is its own)."""

    side: str
    task: str
    attempt: int


def most_passes(contest: Contest) -> int:
    """How many passes a contest can take, the first included."""
    match contest.rule:
        case "strict" | "posterior":
            return 1
        case "confirm":
            return contest.passes
        case "anytime":
            return 1 + anytime.MOST_PASSES


class Agenda:
    """One evaluation's trials, as far as they ended."""

    def __init__(self, running: Running, void_retries: int = 0) -> None:
        """Nothing has ended yet. A slot is void for good after `void_retries` repetitions."""
        self._running, self._void_retries = running, void_retries
        self._passed: dict[Slot, bool] = {}
        self._voids: defaultdict[Slot, int] = defaultdict(int)
        self._passes = most_passes(running.contest) if running.contest else running.passes

    def note(self, trial: Trial | Glimpse) -> None:
        """A trial ended. The first that measured something decides its slot."""
        slot = Slot(trial.side, trial.task, trial.attempt)
        if trial.outcome == "void":
            self._voids[slot] += 1
        else:
            self._passed.setdefault(slot, trial.outcome == "passed")

    def due(self) -> list[Slot]:
        """What to run now, in this order; empty when the evaluation is over.

        It is one pass, task by task, sides beside each other: a hard task's attempts come
        together, which brings a pruning stop sooner than rounds would. The next pass begins when
        this one is whole and the gate still open. A slot that stays void ends a contest after
        its pass, since the gate cannot answer; where there is none, it only stays void.
        """
        for number in range(1, self._passes + 1):
            slots = self._slots(number)
            missing = [slot for slot in slots if slot not in self._passed]
            if number > 1 and self.answer(number - 1) != "open":
                return []
            if missing:
                if self.pruned:
                    return []
                due = [slot for slot in missing if self._voids[slot] <= self._void_retries]
                if due or self._running.contest is not None:
                    return due
        return []

    @property
    def expected(self) -> int:
        """Trials of the passes that have begun; of all passes where no gate ends them early."""
        if self._running.contest is None:
            return self._running.expected
        return sum(len(self._slots(n)) for n in range(1, len(self.counts()) + 1))

    @property
    def whole(self) -> bool:
        """Whether every trial of the passes that have begun was measured."""
        return all(count.complete for count in self.counts())

    @property
    def pruned(self) -> bool:
        """Whether what is left of the pass that has begun can no longer make a keep."""
        contest = self._running.contest
        if contest is None or not contest.pruning:
            return False
        return self.answer() == "lost" and not self.whole

    def answer(self, passes: int | None = None) -> ContestState:
        """What the gate says after these passes; by default after all that have begun."""
        contest = self._running.contest
        if contest is None:
            return "open"
        return ANSWERS[contest.rule](contest, self.counts()[:passes])

    def counts(self) -> list[Count]:
        """The passes of the contest that have begun; the first always has."""
        counts = [self._count(number) for number in range(1, self._passes + 1)]
        while len(counts) > 1 and self._untouched(len(counts)):
            counts.pop()
        return counts

    def _slots(self, number: int) -> list[Slot]:
        running = self._running
        sides = ["", *(side.name for side in running.against)]
        if running.contest and number == 1:
            sides = [""]
        return [
            Slot(side, task, attempt)
            for task in running.tasks
            for attempt in self._attempts(number)
            for side in sides
        ]

    def _attempts(self, number: int) -> range:
        attempts = self._running.attempts
        return range((number - 1) * attempts + 1, number * attempts + 1)

    def _untouched(self, number: int) -> bool:
        return not any(slot in self._passed for slot in self._slots(number))

    def _count(self, number: int) -> Count:
        own: Sequence[bool | None] = self._results("", number)
        if number == 1:
            return Count(own.count(True), own.count(None))
        rival = self._results(self._running.against[0].name, number)
        pairs = list(zip(own, rival, strict=True))
        return Count(
            passed=own.count(True),
            left=own.count(None),
            rival_passed=rival.count(True),
            rival_left=rival.count(None),
            wins=pairs.count((True, False)),
            losses=pairs.count((False, True)),
        )

    def _results(self, side: str, number: int) -> list[bool | None]:
        return [
            self._passed.get(Slot(side, task, attempt))
            for attempt in self._attempts(number)
            for task in self._running.tasks
        ]
