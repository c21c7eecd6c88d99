"""The posterior gate: block by block, until it is believed that the candidate gains, or does not.

The first pass is the candidate's alone and comes in the order that tells most; it is ended early
where the candidate cannot be expected to be worth the rest of it. After it the trials that tell
most come next, of either side, a block of them at a time, while they are worth their price; then
the candidate is kept or lost by what it is expected to gain (`price`). `MOST` passes' worth of
trials are used at most. A simpler candidate is kept too where it is sure enough to be as
good (rule R5). Climbs from before a trial had a price go by other stops (`unpriced`).

What is run next follows from what was found, and choosing it so is no cheating: given the
trials, the belief is the same however they were chosen (the stopping rule cancels from Bayes'
rule). That holds as far as the prior does; simulation shows how far (docs/gates.md).

With `bounded` the later trials come in pairs, both sides at the same task, and a keep takes two
things more: a chance of a gain of at least 1 - alpha, and evidence W of 1/alpha (`anytime`).
Where the candidate is better at no task, a pair wins at most as often as it loses, whichever task
is chosen next and for whatever reason. So W is a supermartingale from pair to pair, and
such a candidate is kept with a probability of at most alpha (Ville 1939).
"""

from collections.abc import Generator, Mapping, Sequence
from math import ceil
from typing import NamedTuple

from autoagent.gate.agenda import Agenda, Slot
from autoagent.gate.passes import ContestState, Count
from autoagent.gate.rules import price, unpriced
from autoagent.gate.rules.anytime import evidence
from autoagent.gate.rules.posterior import NOTHING, Belief, Tally, believe
from autoagent.records import Contest, Glimpse, Prior, Running, Trial

FIRST = 0.25
"""The share of the first pass that is measured before anything is said."""
NEXT = 0.1
"""The share of it after which the belief is looked at again."""
TELLING = 0.07
"""The share of the tasks in a block after the first pass."""
MOST = 2.0
"""Passes' worth of trials, of both sides, that an evaluation takes at most."""
CERTAIN = 0.3
"""Below this sum of the prior's two parameters hardly any luck was seen."""


class Seen(NamedTuple):
    """What a contest has shown after its last whole block, and what the gate says of it."""

    answer: ContestState
    belief: Belief
    candidate: Mapping[str, Tally]
    incumbent: Mapping[str, Tally]
    """All that is known of it, the pool included."""
    evidence: float = 1.0


Course = Generator[tuple[Seen, list[Slot]], Mapping[Slot, bool], Seen]
"""Yields what is known and what to measure next, is sent whether each passed, returns the end."""


def telling_first(
    tasks: Sequence[str], pool: Mapping[str, Tally], prior: Prior | None
) -> tuple[str, ...]:
    """Order tasks so that a stop comes early: the rarest passed, the most often passed, and so on.

    A failure says most where the incumbent always passes, a pass where it never does. Where no luck
    was seen one trial tells all: once nothing that failed passes, nothing is to be gained.
    """
    known = {task: pool.get(task, NOTHING) for task in tasks}
    hardest = sorted(tasks, key=lambda task: (known[task][0] + 0.5) / (known[task][1] + 1))
    if prior is not None and prior.a + prior.b < CERTAIN:
        return tuple(hardest)
    half = -(-len(hardest) // 2)
    easiest = hardest[: half - 1 : -1]
    mixed = [task for pair in zip(hardest[:half], easiest, strict=False) for task in pair]
    return (*mixed, *hardest[len(easiest) : half])


def course(running: Running, contest: Contest) -> Course:
    """One contest, as far as its answer: it depends on nothing but the results that it is sent."""
    assert contest.prior is not None, "the posterior gate has a prior"
    tasks, attempts = running.tasks, running.attempts
    table = _Table(contest, running.against[0].name, tasks, attempts)
    seen, begin = table.take({}), 0
    for end in _checkpoints(len(tasks), pruning=contest.pruning):
        some = [Slot("", task, n) for task in tasks[begin:end] for n in range(1, attempts + 1)]
        seen = table.take((yield seen, some))
        if (rest := tasks[end:]) and _hopeless(contest, table, rest, attempts):
            return seen._replace(answer="lost")
        begin = end
    left = int((MOST - 1) * len(tasks) * attempts)
    while True:
        answer = _answer(contest, seen, last=left <= 0)
        if answer != "open":
            return seen._replace(answer=answer)
        block = table.telling(_block_size(len(tasks) * attempts))
        left -= len(block)
        seen = table.take((yield seen, block))


def most_trials(one_pass: int) -> int:
    """How many trials a contest can take at most, of both sides, retries of void ones aside."""
    return int(MOST * one_pass) + 2 * _block_size(one_pass)


def _hopeless(contest: Contest, table: "_Table", left: Sequence[str], attempts: int) -> bool:
    """Whether the first pass may end here."""
    best_end = table.supposing(dict.fromkeys(left, (float(attempts), float(attempts))))
    if table.priced:
        return price.hopeless(contest, table.belief, best_end, left, attempts)
    return unpriced.hopeless(contest, table.belief, best_end)


def _answer(contest: Contest, seen: Seen, *, last: bool) -> ContestState:
    """What the gate says once the first pass is whole."""
    enough = True
    if contest.bounded and not contest.simpler:
        sure = seen.belief.above(0.0) >= 1 - contest.alpha
        enough = sure and seen.evidence >= 1 / contest.alpha
    rule = price if contest.prior and contest.prior.price is not None else unpriced
    return rule.answer(contest, seen.belief, enough=enough, last=last)


def _block_size(one_pass: int) -> int:
    return max(2, ceil(TELLING * one_pass))


def _checkpoints(tasks: int, *, pruning: bool) -> list[int]:
    if not pruning:
        return [tasks]
    steps = list(range(ceil(FIRST * tasks), tasks, max(1, ceil(NEXT * tasks))))
    return [*steps, tasks]


class _Table:
    """The tallies of a contest, as far as its blocks are whole."""

    def __init__(self, contest: Contest, rival: str, tasks: Sequence[str], attempts: int) -> None:
        assert contest.prior is not None
        self._prior, self._rival, self._bounded = contest.prior, rival, contest.bounded
        self._price, self._tasks = contest.prior.price, tasks
        self._own: dict[str, Tally] = dict.fromkeys(tasks, NOTHING) if self.priced else {}
        self._pool: dict[str, Tally] = dict(contest.pool)
        self._ran: dict[tuple[str, str], int] = {}
        self._attempts = attempts
        self._wins = self._losses = 0
        self.belief = believe(self._prior, {}, {})

    @property
    def priced(self) -> bool:
        """Whether a trial has a price: then tasks that were not tried yet are believed in too."""
        return self._price is not None

    def take(self, results: Mapping[Slot, bool]) -> Seen:
        """One more block."""
        for slot, passed in results.items():
            side = self._pool if slot.side else self._own
            before = side.get(slot.task, NOTHING)
            side[slot.task] = (before[0] + passed, before[1] + 1)
            ran = self._ran.get((slot.side, slot.task), 0)
            self._ran[slot.side, slot.task] = max(ran, slot.attempt)
            beside = results.get(Slot(self._rival, slot.task, slot.attempt))
            if not slot.side and beside is not None:
                self._wins += passed and not beside
                self._losses += beside and not passed
        self.belief = believe(self._prior, self._pool, self._own)
        w = evidence(self._wins, self._losses)
        return Seen("open", self.belief, dict(self._own), dict(self._pool), w)

    def supposing(self, more: Mapping[str, Tally]) -> Belief:
        """What would be believed if these were the candidate's results at tasks not tried yet."""
        return believe(self._prior, self._pool, {**self._own, **more})

    def telling(self, size: int) -> list[Slot]:
        """The next trials, of the side that tells more; of both sides where keeps are bounded."""
        found = self.belief.tasks
        if self._price is None:
            chosen = sorted(self._tasks, key=lambda task: -found[task].variance)[:size]
            return [slot for task in chosen for slot in self._slots(task, *self._thinner(task))]
        size = min(size, max(1, price.more(self.belief, self._price).trials))
        if self._bounded:
            chosen = sorted(self._tasks, key=lambda task: -max(found[task].tells))[:size]
            return [slot for task in chosen for slot in self._slots(task, "", self._rival)]
        sides = [(side, task) for task in self._tasks for side in (0, 1)]
        best = sorted(sides, key=lambda each: -found[each[1]].tells[each[0]])[:size]
        return [s for side, task in best for s in self._slots(task, self._rival if side else "")]

    def _thinner(self, task: str) -> tuple[str, ...]:
        thin = self._own[task][1] <= self._pool.get(task, NOTHING)[1]
        return ("", self._rival) if self._bounded else ("",) if thin else (self._rival,)

    def _slots(self, task: str, *sides: str) -> list[Slot]:
        return [Slot(side, task, self._next(side, task)) for side in sides]

    def _next(self, side: str, task: str) -> int:
        """Later attempts are numbered after those of the first pass, on both sides."""
        return max(self._attempts, self._ran.get((side, task), 0)) + 1


class Blocks(Agenda):
    """The trials of an evaluation under the posterior gate, as far as they ended."""

    def __init__(self, running: Running, contest: Contest, void_retries: int = 0) -> None:
        """Nothing has ended yet. A slot is void for good after `void_retries` repetitions."""
        super().__init__(running, void_retries)
        self._course = course(running, contest)
        self.seen, self._block = next(self._course)
        self._begun = self._slots(1)

    def note(self, trial: Trial | Glimpse) -> None:
        """A trial ended; the gate looks at it when its block is whole."""
        super().note(trial)
        while self.answer() == "open" and all(slot in self._passed for slot in self._block):
            try:
                results = {slot: self._passed[slot] for slot in self._block}
                self.seen, self._block = self._course.send(results)
            except StopIteration as ended:
                self.seen = ended.value
            else:
                self._begun += [slot for slot in self._block if slot not in self._begun]

    def due(self) -> list[Slot]:
        """What to run now: what is left of the first pass, or of the block after it."""
        if self.answer() != "open":
            return []
        missing = [slot for slot in self._begun if slot not in self._passed]
        return [slot for slot in missing if self._voids[slot] <= self._void_retries]

    @property
    def expected(self) -> int:
        """Trials of the first pass and of the blocks that have begun."""
        return len(self._begun)

    @property
    def pruned(self) -> bool:
        """Whether it was lost before the first pass was whole."""
        return self.answer() == "lost" and not self._count(1).complete

    @property
    def whole(self) -> bool:
        """Whether the gate has answered."""
        return self.answer() != "open"

    def answer(self, passes: int | None = None) -> ContestState:
        """What the gate says of the blocks that are whole."""
        return self.seen.answer

    def counts(self) -> list[Count]:
        """The first pass: what comes after it is no pass, and no score."""
        return [self._count(1)]
