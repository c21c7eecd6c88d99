"""The journal: an append-only, hash-chained event log in SQLite, and the only commit point.

Each event is hashed over the one before it, so whoever remembers one head hash can
tell that nothing before it changed. The position of the climb is stored beside the
events in the same transaction; it is a fold of them and can always be recomputed.
The journal does not know the rules: what an event does to a position is passed in.
"""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from autoagent.errors import JournalError

GENESIS = "0" * 64
"""The hash before the first event."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_by_subject ON events (subject, kind, seq);
CREATE INDEX IF NOT EXISTS events_by_kind ON events (kind, seq);
CREATE TABLE IF NOT EXISTS position (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS events_are_final BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class Event(NamedTuple):
    """One entry: when (Unix seconds), what kind, about whom, and the facts."""

    seq: int
    at: float
    kind: str
    subject: str
    body: dict[str, Any]
    hash: str


Fold = Callable[[str | None, Event], str]
"""Maps the stored position (None at first) and an event to the next position."""


def chain(previous: str, seq: int, at: float, kind: str, subject: str, body: str) -> str:
    """The hash of an event: SHA-256 over the previous hash and every stored column.

    Columns are joined as a JSON array, so no value can imitate a column boundary.
    """
    message = json.dumps([previous, seq, repr(at), kind, subject, body], ensure_ascii=False)
    return hashlib.sha256(message.encode()).hexdigest()


class Journal:
    """One journal file, safe for several processes at once.

    A server and its workers append concurrently; SQLite's write lock orders them.
    Every append is durable (WAL, synchronous=FULL) when `append` returns.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the journal, creating it unless `read_only`.

        Raises:
            JournalError: The file cannot be opened or is not a journal.
        """
        self.path, self._read_only = path, read_only
        try:
            if read_only:
                self._db = sqlite3.connect(
                    f"{path.resolve().as_uri()}?mode=ro",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                )
            else:
                self._db = sqlite3.connect(
                    path, timeout=30, isolation_level=None, check_same_thread=False
                )
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.executescript(_SCHEMA)
            self._db.execute("SELECT count(*) FROM events WHERE seq < 0")
        except sqlite3.Error as error:
            with suppress(AttributeError):  # where not even the file could be opened
                self._db.close()
            raise JournalError(
                f"{path} cannot be opened as a journal: {error}.", "run `autoagent doctor`"
            ) from error

    def close(self) -> None:
        """Release the file; the last to do so, if it may write, seals it as it then is."""
        self._db.close()
        if self._read_only or self._has_log():
            return
        seal = self.path.with_suffix(".seal")
        with suppress(OSError):  # a full disk, say: then there is no seal, and no wrong one
            seal.unlink(missing_ok=True)
            with seal.with_suffix(".sealing").open("w", encoding="ascii") as file:
                file.write(_digest(self.path))
                file.flush()
                os.fsync(file.fileno())
            seal.with_suffix(".sealing").replace(seal)

    def sealed(self) -> bool | None:
        """Whether the file is what its last writer left, to the byte: indexes and free space too.

        The chain speaks for the events alone. None where the question has no answer: the file
        is being written, or whoever wrote it was killed.
        """
        if self._has_log():
            return None
        try:
            return self.path.with_suffix(".seal").read_text("ascii") == _digest(self.path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return False

    def _has_log(self) -> bool:
        """Whether SQLite keeps what was written last beside the file (its write-ahead log)."""
        log = self.path.with_name(f"{self.path.name}-wal")
        return log.exists() and log.stat().st_size > 0

    def append(
        self, kind: str, subject: str, body: Mapping[str, Any], fold: Fold | None = None
    ) -> Event:
        """Write one event and the position it leads to, in one durable transaction.

        Args:
            kind: What happened, in snake_case.
            subject: The id the event is about; lookups by subject are indexed.
            body: The facts, as JSON-able values.
            fold: What the event does to the position; None leaves it as it is.

        Raises:
            JournalError: Nothing was written (a full disk, a lock held too long).
        """
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        try:
            with self._transaction():
                last = self._db.execute(
                    "SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1"
                ).fetchone()
                seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
                at = time.time()
                digest = chain(previous, seq, at, kind, subject, text)
                event = Event(seq, at, kind, subject, json.loads(text), digest)
                self._db.execute(
                    "INSERT INTO events VALUES (?,?,?,?,?,?)",
                    (seq, at, kind, subject, text, digest),
                )
                if fold is not None:
                    position = fold(self.position(), event)
                    self._db.execute("INSERT OR REPLACE INTO position VALUES (0, ?)", (position,))
                return event
        except sqlite3.Error as error:
            raise JournalError(
                f"{self.path}: `{kind}` was not written ({error}); nothing was lost. Free disk "
                "space if the disk is full.",
                "the same call again",
            ) from error

    def position(self) -> str | None:
        """The stored position, or None before the first event that has one."""
        row = self._db.execute("SELECT body FROM position WHERE id = 0").fetchone()
        return row[0] if row else None

    def head(self) -> str:
        """The hash of the last event."""
        row = self._db.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return row[0] if row else GENESIS

    def about(self, subject: str, *kinds: str) -> list[Event]:
        """Events about `subject`, oldest first; all kinds, or only those named."""
        where, arguments = _any_of(kinds)
        query = f"SELECT * FROM events WHERE subject = ?{where} ORDER BY seq"
        return [_event(row) for row in self._db.execute(query, (subject, *arguments))]

    def last(self, kind: str) -> Event | None:
        """The newest event of a kind."""
        row = self._db.execute(
            "SELECT * FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1", (kind,)
        ).fetchone()
        return _event(row) if row else None

    def of_kind(self, *kinds: str, after: int = 0) -> list[Event]:
        """Events of some kinds with seq > `after`, oldest first."""
        where, arguments = _any_of(kinds)
        query = f"SELECT * FROM events WHERE seq > ?{where} ORDER BY seq"
        return [_event(row) for row in self._db.execute(query, (after, *arguments))]

    def events(self) -> Iterator[Event]:
        """Every event, oldest first."""
        for row in self._db.execute("SELECT * FROM events ORDER BY seq"):
            yield _event(row)

    def check(self) -> Event | None:
        """Recompute the whole chain.

        Returns:
            The last event, or None for an empty journal.

        Raises:
            JournalError: Names the first event that does not hash to what is stored.
        """
        previous, expected, last = GENESIS, 1, None
        try:
            for seq, at, kind, subject, body, stored in self._db.execute(
                "SELECT * FROM events ORDER BY seq"
            ):
                if seq != expected or chain(previous, seq, at, kind, subject, body) != stored:
                    raise JournalError(
                        f"{self.path}: event {expected} does not match its hash: "
                        "the journal was changed."
                    )
                previous, expected = stored, seq + 1
                last = _event((seq, at, kind, subject, body, stored))
        except (sqlite3.Error, UnicodeDecodeError, ValueError, TypeError) as error:
            raise JournalError(
                f"{self.path}: event {expected} cannot be read ({error}): the journal was changed."
            ) from error
        return last

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _any_of(kinds: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if not kinds:
        return "", ()
    return f" AND kind IN ({','.join('?' * len(kinds))})", kinds


def _event(row: tuple[int, float, str, str, str, str]) -> Event:
    return Event(row[0], row[1], row[2], row[3], json.loads(row[4]), row[5])
