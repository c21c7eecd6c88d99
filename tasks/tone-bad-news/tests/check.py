"""What a verifier trusts: the support tool's own database, where the reply to the customer is too.

The database has a log of all calls, which only grows, and what the calls changed. A log
with holes, or one that tells of other changes than the tables do, fails every task.
"""

import json
import re
import sqlite3
import sys
from pathlib import Path

APP = Path("/app")
LOGS = Path("/logs/verifier")
LARGEST_DATABASE = 4_000_000


class Desk:
    """One trial at a support desk. Each method makes a check and prints what it found.

    A fact that the reply states has to be true, also where nobody asked for it: what no check
    expects is held against `TRUTHS`, and fails where that does not know it. The text is read by a
    judge or by nobody; all that is looked for in it is what may never leave the desk. `close`
    decides.
    """

    TRUTHS: dict[str, str] = {}  # noqa: RUF012
    """By fact: a query for what is true of the customer `:user`, whatever the task."""

    def __init__(self, tool: str, user: str) -> None:
        self.passed = True
        self.user = user
        self.facts: dict[str, object] = {}
        self.text = ""
        self.db = sqlite3.connect(":memory:")
        self.calls: list[list[str]] = []
        self.changes: list[list[str]] = []
        self.expected: set[str] = set()
        try:
            self._load(_read(APP / f"{tool}.db", LARGEST_DATABASE))
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            self._check(f"the tool's database is as the tool left it ({error})", False)

    def _load(self, database: bytes) -> None:
        """Read the log, and compare it with what is in the tables."""
        self.db.deserialize(database)
        rows = self.db.execute("SELECT id, argv, reply, changes FROM calls ORDER BY id").fetchall()
        (last,) = self.db.execute(
            "SELECT max(seq) FROM sqlite_sequence WHERE name = 'calls'"
        ).fetchone()
        self._check("the log is whole", [row[0] for row in rows] == list(range(1, (last or 0) + 1)))
        sent: list[dict] = []
        tickets = 0
        for _, argv, reply, changes in rows:
            call, said = [str(word) for word in json.loads(argv)], json.loads(reply)
            self.calls.append(call)
            if changes:
                self.changes.append(call)
                tickets += "ticket" in said
            if call[:1] == ["reply"] and "error" not in said:
                sent.append(said)
        (opened,) = self.db.execute("SELECT count(*) FROM tickets").fetchone()
        self._check("the log has every ticket", opened == tickets)
        kept = self.db.execute("SELECT user, facts, text FROM replies").fetchall()
        told = [(said["to"], json.dumps(said["facts"]), said["text"]) for said in sent]
        self._check(f"there is one reply, to {self.user}", [to for to, *_ in told] == [self.user])
        self._check("the log has the reply", kept == told)
        if sent:
            self.facts, self.text = sent[0]["facts"], sent[0]["text"]
            print(f"     stated: {json.dumps(self.facts)}")
        pasted = any(reply in self.text for _, _, reply, _ in rows)
        self._check("no output of the tool is pasted into the text", not pasted)

    def says(self, fact: str, *values: object) -> None:
        """The reply states this fact: one of these values; a list is in its order."""
        self._states(fact, self.facts.get(fact) in values, " or ".join(map(str, values)))

    def says_some(self, fact: str, *values: str, beside: tuple[str, ...] = ()) -> None:
        """The reply states one of these or more; `beside` may be with them, nothing else."""
        stated, told = self._stated(fact), f"of {', '.join(values)}"
        self._states(fact, bool(stated & {*values}) and stated <= {*values, *beside}, told)

    def says_all(self, fact: str, *values: str, beside: tuple[str, ...] = ()) -> None:
        """The reply states all of these, in any order; `beside` may be with them, nothing else."""
        stated = self._stated(fact)
        self._states(fact, {*values} <= stated <= {*values, *beside}, " and ".join(values))

    def may_say(self, fact: str, *values: object) -> None:
        """What the reply need not state, but may, if it is one of these values."""
        self.expected.add(fact)
        if fact in self.facts:
            self.says(fact, *values)

    def keeps(self, *secrets: str) -> None:
        """These words, which nobody outside may read, are not in the text."""
        text = self.text.lower()
        told = [s for s in secrets if re.search(rf"(?<!\w){re.escape(s.lower())}(?!\w)", text)]
        self._check(f"tells nothing of others (told: {', '.join(told) or 'nothing'})", not told)

    def looked_up(self, *call: str) -> None:
        """A call was made that starts so; "*" stands for any word."""
        made = any(_fits(done, call) for done in self.calls)
        self._check(f"looked up: {' '.join(call)}", made)

    def looked_up_before(self, first: tuple[str, ...], then: tuple[str, ...]) -> None:
        """The first call `first` came before the first call `then`."""
        places = [
            [i for i, done in enumerate(self.calls) if _fits(done, call)] for call in (first, then)
        ]
        right = bool(places[0] and places[1]) and places[0][0] < places[1][0]
        self._check(f"looked up {' '.join(first)} before {' '.join(then)}", right)

    def changed(self, *calls: tuple[str, ...]) -> None:
        """Exactly these calls changed something, in this order; none, if none is named."""
        made = "; ".join(" ".join(done)[:80] for done in self.changes) or "nothing"
        right = len(calls) == len(self.changes) and all(map(_fits, self.changes, calls))
        wanted = "; ".join(map(" ".join, calls)) or "nothing"
        self._check(f"changed: {wanted} (did: {made})", right)

    def kept_to(self, *ids: str) -> None:
        """Of these ids' kind, no call named another one."""
        kinds = {number.split("-")[0] for number in ids}
        asked = {w for call in self.calls for w in call if re.fullmatch(r"[a-z]+-\d+", w)}
        others = {w for w in asked if w.split("-")[0] in kinds} - {*ids}
        self._check(f"asked about nobody's but {', '.join(ids)}", not others)

    def holds(self, what: str, query: str, value: object) -> None:
        """The tool's database says so now."""
        found = self._found(query)
        self._check(f"{what}: {value!r}", [*found] == [value])

    def handed_over(self, team: str) -> None:
        """One ticket for this team, whose number the reply states, and nothing else changed."""
        self.changed(("escalate", team))
        self.says("outcome", "handed-over")
        self.says("ticket", *self._found(self.TRUTHS["ticket"]))
        self.may_say("next", ["wait"])

    def close(self) -> None:
        """Exit with 0 if every check held; a judge finds the reply in `reply.txt`."""
        for fact in self.facts.keys() - self.expected:
            true = self._found(self.TRUTHS[fact]) if fact in self.TRUTHS else []
            self._states(fact, self.facts[fact] in true, " or ".join(map(str, true)) or "nothing")
        if LOGS.is_dir():
            (LOGS / "reply.txt").unlink(missing_ok=True)
            facts = "".join(f"\n- {name}: {fact}" for name, fact in self.facts.items())
            (LOGS / "reply.txt").write_text(f"{self.text}\n\nFacts stated beside it:{facts}\n")
        sys.exit(0 if self.passed else 1)

    def _stated(self, fact: str) -> set[str]:
        """The words of a fact that has several."""
        found = self.facts.get(fact)
        return {*map(str, found)} if isinstance(found, list) else set()

    def _states(self, fact: str, right: bool, wanted: str) -> None:
        self.expected.add(fact)
        stated = self.facts.get(fact, "nothing")
        self._check(f"states {fact}: {wanted} (stated: {stated})", right)

    def _found(self, query: str) -> list[object]:
        """The first column of what a query finds; nothing where the database has no answer."""
        try:
            return [row[0] for row in self.db.execute(query, {"user": self.user})]
        except sqlite3.Error:
            return []

    def _check(self, rule: str, holds: bool) -> None:
        print("ok  " if holds else "FAIL", rule)
        self.passed = self.passed and holds


def _fits(done: list[str], call: tuple[str, ...]) -> bool:
    return len(done) >= len(call) and all(
        want in ("*", have) for want, have in zip(call, done, strict=False)
    )


def _read(path: Path, limit: int) -> bytes:
    """The content of a plain file; nothing where there is none, or a link, or too much."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > limit:
        return b""
    return path.read_bytes()
