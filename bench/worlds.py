"""The worlds that bench/nights.py simulates: suites, edits, and what goes on around them.

A suite is a chance a task. An edit makes other chances of them, and one in five also makes the
harness simpler, whatever else it does. No world was made to suit a gate: in some there is nothing
to find, in some nothing to see.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import exp, log, sin
from random import Random
from typing import NamedTuple

Chances = list[float]
SIMPLER = 0.2


class Edit(NamedTuple):
    """What becomes of the chances, and whether the harness is simpler by it."""

    apply: Callable[[Chances], Chances]
    simpler: bool


class World(NamedTuple):
    suite: Callable[[int, Random], Chances]
    edits: Callable[[int, Random], Iterator[Edit]]
    drift: float = 0.0
    """How far the log-odds of all tasks swing in the course of a night."""
    in_flight: int = 0
    """Trials beside the one that decided: they had begun, and count."""


def u_shaped(size: int, random: Random) -> Chances:
    """Most tasks near 0 or 1, 44 % on average."""
    return [random.betavariate(0.4, 0.5) for _ in range(size)]


def even(size: int, random: Random) -> Chances:
    """Any chance is as likely as any other."""
    return [random.random() for _ in range(size)]


def certain(size: int, random: Random) -> Chances:
    return [float(random.random() < 0.44) for _ in range(size)]


def coins(size: int, random: Random) -> Chances:
    return [0.5] * size


def families(size: int, random: Random) -> Chances:
    """Four tasks each that are nearly the same task."""
    found = itertools.chain.from_iterable([random.betavariate(0.4, 0.5)] * 4 for _ in range(size))
    return list(itertools.islice(found, size))


def moved(chances: Chances, moves: dict[int, float]) -> Chances:
    """Chances moved up or down, each by a share of what there is room for."""
    after = chances.copy()
    for task, share in moves.items():
        after[task] += share * ((1 - after[task]) if share > 0 else after[task])
    return after


def swapped(chances: Chances, pairs: Sequence[tuple[int, int]]) -> Chances:
    after = chances.copy()
    for one, other in pairs:
        after[one], after[other] = after[other], after[one]
    return after


def null(size: int, random: Random) -> Callable[[Chances], Chances]:
    """Half change nothing, the others swap tasks, so that the sum stays."""
    touched = random.sample(range(size), 2 * random.randint(1, max(1, size // 10)))
    pairs = list(zip(touched[::2], touched[1::2], strict=True))
    return partial(swapped, pairs=pairs if random.random() < 0.5 else [])


def sparse(
    size: int, random: Random, up: float, *, whole: bool = False, block: int = 1
) -> Callable[[Chances], Chances]:
    """Moves up to a fifth of the tasks, most of them one way; whole families where there are."""
    number = random.randint(1, max(1, size // 5 // block))
    chosen = random.sample(range(0, size, block), number)
    moves: dict[int, float] = {}
    for first in chosen:
        share = (1 if random.random() < up else -1) * (1.0 if whole else random.random())
        moves |= {task: share for task in range(first, min(size, first + block))}
    return partial(moved, moves=moves)


def usual(size: int, random: Random, *, whole: bool = False, block: int = 1) -> Iterator[Edit]:
    """Three in five are null, one in four is harmful, the others (15 %) are helpful."""
    while True:
        kind, simpler = random.random(), random.random() < SIMPLER
        if kind < 0.6:
            yield Edit(null(size, random), simpler)
        else:
            up = 0.2 if kind < 0.85 else 0.8
            yield Edit(sparse(size, random, up, whole=whole, block=block), simpler)


def dense(size: int, random: Random) -> Iterator[Edit]:
    """Every task moves a little: two in five edits lead nowhere, the others up or down."""
    while True:
        kind, simpler = random.random(), random.random() < SIMPLER
        way = 0.0 if kind < 0.4 else -0.06 if kind < 0.7 else 0.06
        shifts = [random.gauss(way, 0.08) for _ in range(size)]
        yield Edit(partial(pushed, shifts=shifts), simpler)


def pushed(chances: Chances, shifts: Sequence[float]) -> Chances:
    return [
        min(1.0, max(0.0, c + 4 * s * c * (1 - c))) for c, s in zip(chances, shifts, strict=True)
    ]


def either(size: int, random: Random) -> Iterator[Edit]:
    """A few tasks, or all of them a little."""
    for few, many in zip(usual(size, random), dense(size, random), strict=False):
        yield random.choice((few, many))


def only_null(size: int, random: Random) -> Iterator[Edit]:
    while True:
        yield Edit(null(size, random), False)


def only_harmful(size: int, random: Random) -> Iterator[Edit]:
    """One in five is simpler too: that must not be a way down."""
    while True:
        yield Edit(sparse(size, random, 0.1), random.random() < SIMPLER)


def only_simpler(size: int, random: Random) -> Iterator[Edit]:
    """Every edit is simpler and most do a little harm: what ties alone make of a night."""
    while True:
        shifts = [random.gauss(-0.02, 0.04) for _ in range(size)]
        yield Edit(partial(pushed, shifts=shifts), True)


def drifted(chances: Chances, shift: float) -> Chances:
    """The same chances at a better or worse hour of the provider."""
    if not shift:
        return chances
    odds = [log(c / (1 - c)) if 0 < c < 1 else None for c in chances]
    return [
        c if o is None else 1 / (1 + exp(-o - shift)) for c, o in zip(chances, odds, strict=True)
    ]


def swing(world: World, share: float) -> float:
    """How far log-odds have drifted when this share of the night is over."""
    return world.drift * sin(7 * share) if world.drift else 0.0


WORLDS = {
    "usual": World(u_shaped, usual),
    "dense": World(u_shaped, dense),
    "coins": World(coins, usual),
    "certain": World(certain, partial(usual, whole=True)),
    "families": World(families, partial(usual, block=4)),
    "drifting": World(u_shaped, usual, drift=0.7),
    "null": World(u_shaped, only_null),
    "harmful": World(u_shaped, only_harmful),
    "simpler": World(u_shaped, only_simpler),
    "either": World(even, either),
    "in flight": World(u_shaped, usual, in_flight=3),
}
