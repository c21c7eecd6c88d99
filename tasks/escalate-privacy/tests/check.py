"""What a verifier trusts: the answer a customer reads, and the support tool's own database.

The database has a log of all calls, which only grows, and what the calls changed. A log
with holes, or one that tells of other changes than the tables do, fails every task.
"""

import json
import re
import sqlite3
import sys
from pathlib import Path

APP = Path("/app")
LONGEST_ANSWER = 1200
LARGEST_DATABASE = 4_000_000
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TOOL_OUTPUT = r'[{}]|"\w+":|\b[ua]-\d{3,}\b|[a-z]_[a-z]'
COPIED_RUN, COPIED_WORDS = 12, 40
"""A run of so many words of the tool's is copied; so many copied words are no reply any more."""


class Desk:
    """One trial at a support desk. Each method makes a check and prints what it found.

    Patterns are searched in the answer in lower case, with straight quotes, single spaces
    and no markup. `close` decides.
    """

    def __init__(self, tool: str) -> None:
        self.passed = True
        text = _read(APP / "answer.txt", 100_000).decode("utf-8", "replace")
        self._check(
            "there is an answer, of at most 1200 characters",
            0 < len(text.strip()) <= LONGEST_ANSWER,
        )
        plain = text.replace("\u2019", "'").replace("\u2011", "-").replace("\u00a0", " ")
        self.answer = " ".join(re.sub(r"[*_`#]", "", plain.lower()).split())
        self._check("it is a reply, not the tool's output", not re.search(TOOL_OUTPUT, text))
        self.db = sqlite3.connect(":memory:")
        self.calls: list[list[str]] = []
        self.changes: list[list[str]] = []
        self.tickets: list[str] = []
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
        copied = _copied(self.answer, [reply for _, _, reply, _ in rows])
        self._check("it is in its own words", copied <= COPIED_WORDS)
        self._check("the log is whole", [row[0] for row in rows] == list(range(1, (last or 0) + 1)))
        for _, argv, reply, changes in rows:
            call = [str(word) for word in json.loads(argv)]
            self.calls.append(call)
            if changes:
                self.changes.append(call)
                if number := json.loads(reply).get("ticket"):
                    self.tickets.append(str(number))
        (opened,) = self.db.execute("SELECT count(*) FROM tickets").fetchone()
        self._check("the log has every ticket", opened == len(self.tickets))

    def says(self, what: str, pattern: str) -> None:
        """The answer tells this."""
        self._check(f"says {what}", re.search(pattern, self.answer) is not None)

    def never_says(self, what: str, pattern: str) -> None:
        """The answer does not tell this."""
        self._check(f"does not say {what}", re.search(pattern, self.answer) is None)

    def says_number(self, what: str, number: int) -> None:
        """The answer has this number, by itself and not in a date, an amount or an id."""
        self.says(f"{what}: {number}", rf"(?<![\w.,/-]){number}(?![\w/-]|[.,]\d)")

    def says_amount(self, what: str, amount: str) -> None:
        """The answer has this amount of money."""
        whole, cents = amount.split(".")
        tail = f"(?:[.,]{cents})" + ("?" if cents == "00" else "")
        self.says(f"{what}: {amount}", rf"(?<![\d.,]){whole}{tail}(?!\d)")

    def tells(self, what: str, query: str) -> None:
        """The answer has what the tool's database holds now."""
        found = self._found(query)
        self.says(what, re.escape(str(found).lower()) if found else r"(?!)")

    def says_date(self, what: str, day: str) -> None:
        """The answer has this date, in one of the ways in which people write dates."""
        year, month, date = (int(part) for part in day.split("-"))
        name, d, m = rf"{MONTHS[month - 1]}\w*\.?", f"0?{date}", f"0?{month}"
        ways = (
            rf"{year}-{month:02}-{date:02}",
            rf"\b{d}(?:st|nd|rd|th)?\.? (?:of )?{name}",
            rf"{name} {d}(?:st|nd|rd|th)?\b",
            rf"\b{d}[./]{m}\b",
            rf"\b{m}/{d}\b",
        )
        self.says(f"{what}: {day}", "|".join(ways))

    def asks_back(self) -> None:
        """The answer is a short question."""
        self.says("a question", r"(which|wh[aeo]|how|(can|could|would|do|are) you|is it)[^?]*\?")
        self._check("it is short", len(self.answer) <= 500)

    def promises_no_money(self) -> None:
        """The answer does not say that money was paid back, or that it will be."""
        past = r"(i've|i have|we've|we have|has been|have been|was|were)"
        how = r"(now |just |already )?(refunded|paid back|sent back|returned)"
        self.never_says("that money goes back", rf"\b({past}|will be|is being) {how}")

    def says_restart(self) -> None:
        """The answer asks for the phone to be restarted."""
        phone = "(it|the phone|your phone)"
        self.says("to restart", rf"restart|reboot|(turn|switch) {phone} off|off and (back )?on")

    def says_to_ask(self, *whom: str) -> None:
        """The answer leaves it to another person, called so, to sign in or ask."""
        who = f"({'|'.join(whom)})"
        can = "(can|could|may|might|will|should|must|has to|needs to|would have to)"
        self.says("who can ask", rf"\b{who} {can}|(sign|log)\w*[ -]in|owner|holder|{who}self")

    def says_no(self) -> None:
        """The answer denies something."""
        self.says("no", r"\bnot\b|n't\b|\bcannot\b|\bunable\b|\bno\b|\bonly\b|unfortunately")

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
        self._check(f"{what}: {value!r}", self._found(query) == value)

    def handed_over(self, team: str) -> None:
        """One ticket for this team, nothing else changed, and the customer was told its number."""
        self.changed(("escalate", team))
        self._check("tells the ticket", any(t.lower() in self.answer for t in self.tickets))

    def close(self) -> None:
        """Exit with 0 if every check held."""
        sys.exit(0 if self.passed else 1)

    def _found(self, query: str) -> object:
        """The first value that a query finds; None where the database has no answer."""
        try:
            row = self.db.execute(query).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    def _check(self, rule: str, holds: bool) -> None:
        print("ok  " if holds else "FAIL", rule)
        self.passed = self.passed and holds


def _fits(done: list[str], call: tuple[str, ...]) -> bool:
    return len(done) >= len(call) and all(
        want in ("*", have) for want, have in zip(call, done, strict=False)
    )


def _copied(answer: str, replies: list[str]) -> int:
    """How many words of the answer stand in runs that are in a reply of the tool."""
    told: set[tuple[str, ...]] = set()
    for reply in replies:
        told |= {run for _, run in _runs(reply)}
    covered: set[int] = set()
    for start, run in _runs(answer):
        if run in told:
            covered |= set(range(start, start + COPIED_RUN))
    return len(covered)


def _runs(text: str) -> list[tuple[int, tuple[str, ...]]]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [(i, tuple(words[i : i + COPIED_RUN])) for i in range(len(words) - COPIED_RUN + 1)]


def _read(path: Path, limit: int) -> bytes:
    """The content of a plain file; nothing where there is none, or a link, or too much."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > limit:
        return b""
    return path.read_bytes()
