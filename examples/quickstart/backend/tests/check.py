"""What a verifier trusts: the answer that the customer reads, and the calls that were made."""

import json
import re
import sys
from pathlib import Path

APP = Path("/app")
LONGEST_ANSWER = 1200
LONGEST_FILE = 100_000


class Desk:
    """One trial at the support desk. Each method makes a check and prints what it found.

    Patterns are searched in the answer in lower case, with straight quotes and single
    spaces. Only calls that the support tool carried out count; `close` decides.
    """

    def __init__(self) -> None:
        self.answer = " ".join(_read("answer.txt").replace("\u2019", "'").lower().split())
        entries = [json.loads(line) for line in _read("calls.jsonl").splitlines()]
        self.calls: list[list[str]] = [e["argv"] for e in entries if "error" not in e["reply"]]
        self.tickets = [e["reply"]["ticket"] for e in entries if "ticket" in e["reply"]]
        self.refused: list[list[str]] = [e["argv"] for e in entries if "error" in e["reply"]]
        self.passed = True
        self._check("there is an answer, and not a long one", 0 < len(self.answer) < LONGEST_ANSWER)

    def says(self, what: str, pattern: str) -> None:
        """The answer tells this fact."""
        self._check(f"says {what}", re.search(pattern, self.answer) is not None)

    def never_says(self, what: str, pattern: str) -> None:
        """The answer does not tell this."""
        self._check(f"does not say {what}", re.search(pattern, self.answer) is None)

    def looked_up(self, call: str) -> None:
        """A call that starts like this was made, even if the tool found nothing."""
        made = [" ".join(c) for c in self.calls + self.refused]
        self._check(f"looked up: {call}", any(re.match(call, c) for c in made))

    def kept_to(self, user: str) -> None:
        """No call asked about another customer."""
        asked = {w for c in self.calls + self.refused for w in c if re.fullmatch(r"u-\d+", w)}
        self._check(f"asked about no customer but {user}", asked <= {user})

    def paid_back(self, amount: float, *orders: str, after: str) -> None:
        """One refund in all: this amount, of one of these orders, after the call `after`."""
        refunds = [(i, c) for i, c in enumerate(self.calls) if c[0] == "refund"]
        right = [i for i, c in refunds if c[1] in orders and float(c[2]) == amount]
        self._check(f"paid {amount:.2f} back, once", len(refunds) == len(right) == 1)
        before = [c[0] for c in self.calls[: right[0]]] if right else []
        self._check(f"called {after} before it paid", after in before)

    def paid_nothing_back(self) -> None:
        """No refund was made."""
        self._check("paid nothing back", all(c[0] != "refund" for c in self.calls))

    def handed_over(self, team: str) -> None:
        """One ticket in all, for this team, and the customer was told its number."""
        teams = [c[1] for c in self.calls if c[0] == "escalate"]
        self._check(f"handed over to {team}, once", teams == [team])
        self._check("tells the ticket", any(t.lower() in self.answer for t in self.tickets))

    def kept_the_case(self) -> None:
        """Nothing was handed over."""
        self._check("handed nothing over", all(c[0] != "escalate" for c in self.calls))

    def close(self) -> None:
        """Exit with 0 if every check held."""
        sys.exit(0 if self.passed else 1)

    def _check(self, rule: str, holds: bool) -> None:
        print("ok  " if holds else "FAIL", rule)
        self.passed = self.passed and holds


def _read(name: str) -> str:
    """The text of a plain file under /app; empty where there is none."""
    path = APP / name
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(LONGEST_FILE).decode("utf-8", "replace")
