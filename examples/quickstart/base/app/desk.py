"""A support tool over SQLite: one JSON object for a call, and each call in a log that only grows.

A tool gives its commands; this file reads the command line, carries the call out in one
transaction with its line in the log, and prints the reply. The customer gets one reply: a text, and
beside it the facts that the tool's form has. Called by itself, it makes the database:
`desk.py DATABASE ROWS.SQL`.
"""

import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from form import Kind

Reply = dict[str, Any]
LONGEST_TEXT = 1200
LOG = """
CREATE TABLE replies (user TEXT NOT NULL, facts TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE calls (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  argv TEXT NOT NULL,          -- the command and its arguments, a JSON list
  reply TEXT NOT NULL,         -- what was printed
  changes INTEGER NOT NULL     -- 1 where the call changed something
);
CREATE TRIGGER calls_are_kept BEFORE DELETE ON calls
  BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
CREATE TRIGGER calls_stay_as_they_are BEFORE UPDATE ON calls
  BEGIN SELECT RAISE(ABORT, 'the log only grows'); END;
"""
COMMON = frozenset(
    {"the", "and", "for", "you", "your", "that", "this", "with", "have", "has", "not"}
)
ENDINGS = ("ing", "ed", "es", "s")


class Refused(Exception):
    """The call cannot be done; the message says why."""


class Tool:
    """A support tool: its database, which lies beside it, and its commands."""

    def __init__(self, path: str) -> None:
        self.name = Path(path).name
        self.database = Path(path).resolve().with_name(f"{self.name}.db")
        self.commands: dict[str, tuple[list[str], Callable[..., Reply], bool]] = {}
        self.helps: list[str] = []

    def command(self, usage: str, what: str, *, changes: bool = False) -> Callable[..., Any]:
        """Add a command, written as in its help: `name ARGUMENT --option VALUE REST...`.

        The function gets the database and the values in this order. `changes`: it does more
        than look something up.
        """
        name, *words = usage.split()

        def add(function: Callable[..., Reply]) -> Callable[..., Reply]:
            self.commands[name] = (words, function, changes)
            self.helps.append(f"{self.name} {usage}: {what}")
            return function

        return add

    def form(self, facts: dict[str, tuple[Kind, str]], needed: dict[str, str]) -> None:
        """Add `reply`, whose facts have these kinds and meanings.

        `needed`: the fact that has to stand beside an outcome.
        """
        options = " ".join(f"[--{name} {name.upper()}]" for name in facts)
        lines = "".join(
            f"\n  --{name}: {what} ({kind.expects})" for name, (kind, what) in facts.items()
        )

        @self.command(
            f"reply USER --text TEXT {options}",
            "send the customer the reply; once, as the last thing. They read the text with the "
            "facts beneath it, and the facts are what counts: state in them what the text "
            f"says, and leave out the others.{lines}",
        )
        def reply(db: sqlite3.Connection, user: str, text: str, *given: str) -> Reply:
            if len(text) > LONGEST_TEXT:
                raise Refused(f"the text has {len(text)} characters; at most {LONGEST_TEXT}")
            stated: Reply = {}
            for (name, (kind, _)), said in zip(facts.items(), given, strict=True):
                try:
                    stated |= {name: kind.read(said)} if said.strip() else {}
                except ValueError:
                    hint = f"write {kind.expects}, or leave it out"
                    raise Refused(f"--{name} {said[:60]!r} is not read; {hint}") from None
            beside = needed.get(stated.get("outcome", ""), "outcome")
            if beside not in stated:
                raise Refused(f"--{beside} is missing")
            kept = (user, json.dumps(stated), text)
            db.execute("INSERT INTO replies (user, facts, text) VALUES (?, ?, ?)", kept)
            return {"to": user, "facts": stated, "text": text}

    def main(self, argv: list[str]) -> int:
        """Do one call and print its reply. The exit code is 1 where the reply is an error."""
        if not argv or argv[0] in ("help", "--help", "-h"):
            print("\n".join(self.helps))
            return 0
        db = sqlite3.connect(self.database, timeout=10, isolation_level=None)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA synchronous = OFF")  # an environment that loses power is gone anyway
        db.execute("BEGIN IMMEDIATE")
        db.execute("SAVEPOINT call")
        done, changes = argv, False
        try:
            if argv[0] not in self.commands:
                raise Refused(f"there is no {argv[0]}; there are {', '.join(self.commands)}")
            usage, function, may_change = self.commands[argv[0]]
            values = _values(usage, argv[1:])
            done = [argv[0], *values]
            if (may_change or argv[0] == "reply") and every(db, "SELECT 1 FROM replies"):
                raise Refused(
                    "the customer has the reply already, and nothing can be done after it"
                )
            reply = function(db, *values)
            changes = may_change
        except Refused as error:
            db.execute("ROLLBACK TO call")
            reply = {"error": str(error)}
        text = json.dumps(reply, ensure_ascii=False)
        line = (json.dumps(done), text, changes)
        db.execute("INSERT INTO calls (argv, reply, changes) VALUES (?, ?, ?)", line)
        db.execute("COMMIT")
        db.close()
        print(text)
        return 1 if "error" in reply else 0


def _values(usage: list[str], given: list[str]) -> list[str]:
    """The command line's values in the order of the usage; options may stand anywhere.

    An option in brackets may be missing, and is empty then; one that is given twice has both
    values, with a comma between.
    """
    wanted = [word.strip("[]") for word in usage]
    options = {word: wanted[i + 1] for i, word in enumerate(wanted) if word.startswith("--")}
    left_out = {word.strip("[]") for word in usage if word.endswith("]")}
    found: dict[str, str] = {}
    plain: list[str] = []
    words = iter(given)
    for word in words:
        option, equals, value = word.partition("=")
        option = option.replace("_", "-")
        if option in options:
            name, value = options[option], value if equals else next(words, "")
            found[name] = f"{found[name]}, {value}" if found.get(name) else value
        elif option.startswith("--") and " " not in option:
            raise Refused(f"there is no {option}; there are {', '.join(options) or 'no options'}")
        else:
            plain.append(word)
    names = [word for word in wanted if word not in options and word not in options.values()]
    if names and names[-1].endswith("..."):
        rest = len(names) - 1
        plain[rest:] = [" ".join(plain[rest:])] if plain[rest:] else []
    found |= dict(zip(names, plain, strict=False))
    values = [word for word in wanted if word not in options]
    if len(plain) != len(names) or not all(
        found.get(word) for word in values if word not in left_out
    ):
        raise Refused(f"write it like this: {' '.join(usage)}")
    return [found.get(word, "") for word in values]


def one(db: sqlite3.Connection, what: str, query: str, *values: Any) -> Reply:
    """The row that a query finds.

    Raises:
        Refused: There is none; `what` says what was looked for.
    """
    row = db.execute(query, values).fetchone()
    if row is None:
        raise Refused(f"there is no {what}")
    return dict(row)


def every(db: sqlite3.Connection, query: str, *values: Any) -> list[Reply]:
    """All rows that a query finds."""
    return [dict(row) for row in db.execute(query, values)]


def today(db: sqlite3.Connection) -> str:
    """The day it is, for the desk."""
    return one(db, "day", "SELECT today FROM desk")["today"]


def ticket(db: sqlite3.Connection, team: str, text: str, teams: tuple[str, ...]) -> Reply:
    """Open a ticket with one of these teams."""
    if team not in teams:
        raise Refused(f"there is no team {team}; there are {', '.join(teams)}")
    made = db.execute("INSERT INTO tickets (team, text) VALUES (?, ?)", (team, text))
    return {"ticket": f"T-{4100 + (made.lastrowid or 0)}", "team": team}


def search(db: sqlite3.Connection, query: str) -> Reply:
    """The three articles that share most words with the query; titles count twice."""
    asked = _words(query)
    ranked: list[tuple[int, str, str]] = []
    for row in every(db, "SELECT id, title, text FROM articles"):
        points = 2 * len(asked & _words(row["title"])) + len(asked & _words(row["text"]))
        ranked.append((-points, row["id"], row["title"]))
    found = [{"id": number, "title": title} for points, number, title in sorted(ranked) if points]
    if not found:
        raise Refused("no article has any of these words")
    return {"articles": found[:3]}


def _words(text: str) -> set[str]:
    """What tells texts apart: words, without the endings that English puts on them."""
    plain = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return {_stem(word) for word in plain if len(word) > 2} - COMMON


def _stem(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 3:
            return word.removesuffix(ending).rstrip("e")
    return word.rstrip("e")


def make_database(database: str, rows: str) -> None:
    """A new database: the log, and what the SQL says."""
    db = sqlite3.connect(database)
    db.executescript(LOG + Path(rows).read_text())
    db.close()


if __name__ == "__main__":
    make_database(*sys.argv[1:3])
