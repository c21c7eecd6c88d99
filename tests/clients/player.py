"""A scripted meta-agent: it plays a climb by what the tools tell it, through a client's own tools.

It knows `IDEAS` and the replies, nothing else, so that it finds its way after a crash, a resumed
session or a compaction as a model would. What a test wants of a night (`Whims`) it does once each,
when so many candidates have been recorded.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .endpoint import Answer, Asked, Call, Result

ASKING = "Shall I go on with the next idea?"
STUCK = "The tools refuse what I ask."
REPORT = "The climb is over."
SUMMARY = "<summary>A climb is being played with the AutoAgent tools.</summary>"
ANCHOR = "*) a=$q ;;"
"""Where an idea is put into the harness: its own branch comes before this one."""
FULL_TOKENS = 99_000
"""What a prompt is claimed to hold where the client is to compact the conversation."""

HARNESS_COMMAND = f"""\
q=$(cat /app/question.txt); w=${{q#* }}
case "$q" in
{ANCHOR}
esac
echo "$a" > /app/answer.txt
"""
TASKS = {
    "echo": ("hello", "hello"),
    "upper": ("upper apple", "APPLE"),
    "first": ("first red green blue", "red"),
    "last": ("last red green blue", "blue"),
    "count": ("count red green blue", "3"),
    "join": ("join red green blue", "red-green-blue"),
    "twice": ("twice pear", "pearpear"),
}
"""Question and expected answer; the first is solved by doing nothing clever."""


class Idea(NamedTuple):
    """A change of the harness, and what becomes of it."""

    description: str
    branch: str
    fate: str


IDEAS = (
    Idea("Answer in capitals", "upper*) a=$(echo $w | tr a-z A-Z) ;;", "keep"),
    Idea("Answer with the first word", "first*) set -- $w; a=$1 ;;", "keep"),
    Idea("Wait for the shell", "wait*) wait; a=$q ;;", "discard"),
    Idea("Answer with the last word", "last*) a=${w##* } ;;", "keep"),
    Idea("Leave the shell early", "*) exit 3 ;;", "discard"),
    Idea("Count the words", "count*) set -- $w; a=$# ;;", "keep"),
    Idea("Say nothing", "*) a= ;;", "discard"),
    Idea("Join the words", "join*) a=$(echo $w | tr ' ' -) ;;", "keep"),
    Idea("Look a second time", "look*) cat /app/question.txt; a=$q ;;", "discard"),
    Idea("Say it twice", "twice*) a=$w$w ;;", "keep"),
)


@dataclass
class Whims:
    """What the meta-agent does besides, by how many candidates are recorded.

    `asks`: it stops to ask a human. `fills`: its context is full. `cheats`: edits that it tries
    first. `answers` counts how often it was sent on, `refusals` holds what cheats were told.
    """

    asks: Sequence[int] = ()
    fills: Sequence[int] = ()
    cheats: Mapping[int, Sequence[Call]] = field(default_factory=dict[int, Sequence[Call]])
    refusals: list[str] = field(default_factory=list[str])


class Player:
    """A script for an endpoint.

    `benchmarked` is set when the `n`-th candidate's benchmark is asked for, by `n`.
    """

    def __init__(self, harness: str, server: str, whims: Whims | None = None) -> None:
        """Edit the file `harness`, and call tools whose names begin with `server`."""
        self.harness, self.server = harness, server
        self.whims = whims or Whims()
        self.tried = 0
        self.compacted = 0
        self.wrong: list[str] = []
        self.benchmarked = {n: threading.Event() for n in range(len(IDEAS) + 1)}
        self._asked, self._filled = set[int](), set[int]()
        self._cheats = {n: list(calls) for n, calls in self.whims.cheats.items()}

    def __call__(self, asked: Asked) -> Answer:
        """What a model would say next."""
        texts = [heard for heard in asked.heard if isinstance(heard, str)]
        if texts and "detailed summary of the conversation" in texts[-1][:2000]:
            self.compacted += 1
            return Answer(SUMMARY)
        if f"{self.server}status" not in asked.tools:
            return Answer("Hill-climb")  # a title, say
        last = next((h for h in reversed(asked.heard) if isinstance(h, Result)), None)
        if last is None:
            return self._tool("status")
        if last.call.name.startswith(self.server):
            return self._replied(last)
        return self._edited(last)

    def _replied(self, last: Result) -> Answer:
        """Go on from what the server said."""
        if last.is_error:
            self.wrong.append(last.text)
            return self._tool("status") if len(self.wrong) < 5 else Answer(STUCK)
        facts: dict[str, Any] = json.loads(last.text)
        calls: Sequence[str] = facts["next_calls"]
        match facts["phase"]:
            case "idle" if calls[0].startswith("commit_candidate"):
                return self._idle()
            case "committed" if last.call.name.endswith("commit_candidate"):
                self.tried += 1
                self.benchmarked[self.tried].set()
                return self._tool("run_benchmark")
            case "finished":
                return Answer(REPORT)
            case _:
                name = calls[0].partition("(")[0]
                return self._tool(name, **({"tag": "night"} if name == "start_climb" else {}))

    def _idle(self) -> Answer:
        """A candidate is recorded: a whim, or the next idea."""
        if self._cheats.get(self.tried):
            return Answer("", [self._cheats[self.tried].pop(0)])
        if self.tried in self.whims.asks and self.tried not in self._asked:
            self._asked.add(self.tried)
            return Answer(ASKING)
        full = self.tried in self.whims.fills and self.tried not in self._filled
        self._filled |= {self.tried} if full else set()
        tokens = FULL_TOKENS if full else 1000
        return Answer("", [Call("Read", {"file_path": self.harness})], tokens)

    def _edited(self, last: Result) -> Answer:
        """Go on from what the client's own tools said."""
        idea = IDEAS[self.tried]
        edit = {"file_path": self.harness, "old_string": ANCHOR}
        if last.call.name == "Read":
            return Answer("", [Call("Edit", edit | {"new_string": f"{idea.branch}\n{ANCHOR}"})])
        if last.call.arguments.get("old_string") != ANCHOR:  # a cheat
            self.whims.refusals.append(last.text)
            return self._tool("status")
        if last.is_error:
            return Answer("", [Call("Read", {"file_path": self.harness})])
        return self._tool("commit_candidate", description=idea.description)

    def _tool(self, name: str, **arguments: Any) -> Answer:
        return Answer("", [Call(f"{self.server}{name}", arguments)])
