"""When nothing was kept for long: what the candidates had in common, and what none of them was.

The one rule of it, for the meta-agent's status and for what the human is told: so many candidates
in a row without a keep as `night.plateau` says. Advice: it decides nothing, and no move depends on
it.
"""

from collections.abc import Iterable
from functools import partial
from itertools import takewhile
from typing import NamedTuple

from autoagent.evidence import events
from autoagent.evidence.journal import Entry
from autoagent.referee.climb import Climb

PLATEAU = "plateau"
"""Begins the sentence."""
UNTRIED = ("a tool", "a check of the result", "a simpler harness")
"""What is worth a try where words no longer help."""


def since_keep(newest: Iterable[Entry[events.ResultRecorded]]) -> int:
    """How many candidates were measured since one was kept, from a climb's rows, newest first."""
    return sum(1 for _ in takewhile(lambda entry: entry.event.row.status != "keep", newest))


class Fruitless(NamedTuple):
    """Candidates since one was kept: how many, and the kinds of edit of all, and of any."""

    candidates: int = 0
    common: tuple[str, ...] | None = None
    seen: frozenset[str] = frozenset()


def advice(climb: Climb) -> str:
    """What to say of a plateau; empty where there is none."""
    add, start = partial(_one_more, climb), Fruitless()
    found = climb.counted("fruitless", events.ResultRecorded, add, start, climb.first)
    if found.candidates < climb.workspace.config.night.plateau:
        return ""
    missing = [kind for kind in UNTRIED if kind not in found.seen]
    told = f"{PLATEAU}: the last {found.candidates} candidates were not kept"
    if found.common:
        told += f"; all of them changed {' and '.join(found.common)}"
    if missing:
        told += f"; none of them was {', or '.join(missing)}"
    return f"{told}. diagnose() clusters what still fails."


def _one_more(climb: Climb, before: Fruitless, entry: Entry[events.ResultRecorded]) -> Fruitless:
    committed = climb.about(entry.subject, events.CandidateCommitted)
    if entry.event.row.status == "keep" or not committed:
        return Fruitless()  # kept, or the baseline, which nobody committed
    edits = committed[-1].event.edits
    common = edits if before.common is None else tuple(k for k in before.common if k in edits)
    return Fruitless(before.candidates + 1, common, before.seen.union(edits))
