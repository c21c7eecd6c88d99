"""A scripted meta-agent: it plays a climb by what the tools tell it, through a client's own tools.

It knows `IDEAS` and the replies, nothing else, so it finds its way after a crash, a resumed session
or a compaction as a model would. What a night is to have besides are its `Whims`.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .endpoint import Answer, Asked, Call, Result

ASKING = "Shall I go on with the next idea?"
STUCK = "The tools refuse what I ask."
REPORT = "The climb is over."
COMPACTING = "Respond with TEXT ONLY"
SUMMARY = "<summary>I climb with the AutoAgent tools.</summary>"
ANCHOR = "*) a=$q ;;"
"""Where an idea is put into the harness: its own branch comes before this one."""
FULL_TOKENS = 99_000
"""What a prompt is claimed to hold where the client is to compact the conversation."""
CHARACTERS_A_TOKEN = 4

COMMAND = f"""\
q=$(cat /app/question.txt); w=${{q#* }}
case "$q" in
{ANCHOR}
esac
echo "$a" > /app/answer.txt
"""
"""What the harness runs in every task: an answer that is the question."""

TASKS = {
    "echo": ("hello", "hello"),
    "upper": ("upper apple", "APPLE"),
    "first": ("first red green blue", "red"),
    "last": ("last red green blue", "blue"),
    "count": ("count red green blue", "3"),
    "join": ("join red green blue", "red-green-blue"),
    "twice": ("twice pear", "pearpear"),
}
"""Question and expected answer; `COMMAND` solves the first."""


class Idea(NamedTuple):
    """A branch for the harness's command, and what becomes of it."""

    description: str
    branch: str
    fate: str


IDEAS = (
    Idea("Answer in capitals", "upper*) a=$(echo $w | tr a-z A-Z) ;;", "keep"),
    Idea("Look a second time", "look*) cat /app/question.txt; a=$q ;;", "discard"),
    Idea("Answer with the first word", "first*) set -- $w; a=$1 ;;", "keep"),
    Idea("Leave the shell early", "*) exit 3 ;;", "discard"),
    Idea("Answer with the last word", "last*) a=${w##* } ;;", "keep"),
    Idea("Wait for the shell", "wait*) wait; a=$q ;;", "discard"),
    Idea("Count the words", "count*) set -- $w; a=$# ;;", "keep"),
    Idea("Say nothing", "*) a= ;;", "discard"),
    Idea("Join the words", "join*) a=$(echo $w | tr ' ' -) ;;", "keep"),
    Idea("Say it twice", "twice*) a=$w$w ;;", "keep"),
)


@dataclass
class Whims:
    """What the meta-agent does besides, once each, when so many candidates are recorded.

    `asks`: it stops to ask a human. `fills`: its context is full. `cheats`: edits it tries.
    """

    asks: Sequence[int] = ()
    fills: Sequence[int] = ()
    cheats: Mapping[int, Sequence[Call]] = field(default_factory=dict[int, Sequence[Call]])


class Player:
    """A script for an endpoint, and a record of what its model was told.

    Attributes:
        benchmarked: By number of the candidate, set when its benchmark is asked for.
        over: Set when it has heard that the climb is over.
        results: What tools answered, by the id of the call.
        refusals: What its cheats were told.
        asked: How often it stopped to ask.
        compacted: How often it was made to summarise.
    """

    def __init__(self, harness: str, server: str, whims: Whims | None = None) -> None:
        """Edit the file `harness`, and call tools whose names begin with `server`."""
        self.harness, self.server = harness, server
        self.whims = whims or Whims()
        self.benchmarked = {n: threading.Event() for n in range(1, len(IDEAS) + 1)}
        self.over = threading.Event()
        self.results: dict[str, Result] = {}
        self.refusals: list[str] = []
        self.asked = self.compacted = 0
        self._cheats = {n: list(calls) for n, calls in self.whims.cheats.items()}
        self._cheating = False
        self._asks, self._fills = [*self.whims.asks], [*self.whims.fills]

    @property
    def tried(self) -> int:
        """How many candidates it committed."""
        return len(self._replies("commit_candidate"))

    def tokens_an_iteration(self) -> float:
        """What the server's replies to the calls of an iteration cost, on average."""
        names = ("commit_candidate", "run_benchmark", "append_result")
        characters = sum(len(r.text) for name in names for r in self._replies(name))
        return characters / CHARACTERS_A_TOKEN / max(1, self.tried)

    def __call__(self, asked: Asked) -> Answer:
        """What a model would say next."""
        results = [heard for heard in asked.heard if isinstance(heard, Result)]
        self.results |= {result.id: result for result in results}
        latest = asked.heard[-3:]
        if any(isinstance(text, str) and COMPACTING in text for text in latest):
            self.compacted += 1
            return Answer(SUMMARY)
        if "Read" not in asked.tools:
            return Answer("A climb")  # a title, say
        if f"{self.server}status" not in asked.tools:  # the server is not connected yet
            time.sleep(0.2)
            return Answer("", [Call("Read", {"file_path": self.harness})])
        if results and results[-1].call.name.startswith(self.server):
            return self._replied(results[-1])
        return self._edited(results[-1]) if results and self._replies() else self._tool("status")

    def _replied(self, last: Result) -> Answer:
        """Go on from what the server said."""
        if last.is_error:
            stuck = sum(r.is_error for r in self.results.values()) > 10
            return Answer(STUCK) if stuck else self._tool("status")
        facts: dict[str, Any] = json.loads(last.text)
        name = str(facts.get("next_calls", [facts["next_step"]])[0]).partition("(")[0]
        if facts.get("phase") == "finished":
            self.over.set()
            return Answer(REPORT)
        if name == "commit_candidate":
            return self._idle()
        if name == "run_benchmark" and last.call.name.endswith("commit_candidate"):
            self.benchmarked[self.tried].set()
        return self._tool(name, **({"tag": "night"} if name == "start_climb" else {}))

    def _idle(self) -> Answer:
        """A candidate is recorded: a whim, or the next idea."""
        tried = self.tried
        if self._cheats.get(tried):
            self._cheating = True
            return Answer("", [self._cheats[tried].pop(0)])
        if tried in self._asks:
            self._asks.remove(tried)
            self.asked += 1
            return Answer(ASKING)
        full = tried in self._fills
        if full:
            self._fills.remove(tried)
        read = Call("Read", {"file_path": self.harness})
        return Answer("", [read], FULL_TOKENS if full else 1000)

    def _edited(self, last: Result) -> Answer:
        """Go on from what the client's own tools said."""
        if self._cheating:
            self._cheating = False
            if last.call.name != "Read":
                self.refusals.append(last.text)
            return self._idle()
        idea = IDEAS[self.tried]
        if last.call.name == "Edit" and not last.is_error:
            return self._tool("commit_candidate", description=idea.description)
        read = {"file_path": self.harness}
        if last.call.name != "Read":  # the file changed since it was read
            return Answer("", [Call("Read", read)])
        edit = read | {"old_string": ANCHOR, "new_string": f"{idea.branch}\n{ANCHOR}"}
        return Answer("", [Call("Edit", edit)])

    def _replies(self, tool: str = "status") -> list[Result]:
        """What a tool of the server answered, refusals left out."""
        name = f"{self.server}{tool}"
        return [r for r in self.results.values() if r.call.name == name and not r.is_error]

    def _tool(self, name: str, **arguments: Any) -> Answer:
        return Answer("", [Call(f"{self.server}{name}", arguments)])
