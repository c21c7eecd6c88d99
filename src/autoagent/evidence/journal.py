"""The journal: an append-only, hash-chained event log in SQLite, and the only commit point.

Each event is hashed over the one before it, so whoever remembers one head hash can
tell that nothing before it changed. The position of the climb is stored beside the
events in the same transaction; it is a fold of them and can always be recomputed.
The journal does not know the rules: what an event does to a position is passed in. What is hashed
is the stored text, so an old journal verifies whatever its events have become since.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, cast

from pydantic import ValidationError

from autoagent.errors import JournalError
from autoagent.evidence.clocks import Hours
from autoagent.evidence.events import Event, Unknown, read

GENESIS = "0" * 64
"""The hash before the first event."""

SCHEMA = 1
"""The version of the tables below; 0 is what was written before there was one, and is the same."""

_NO_END = 1 << 62

_TABLES = """
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
CREATE TABLE IF NOT EXISTS boots (
    id TEXT PRIMARY KEY,
    told REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS hours (
    boot TEXT PRIMARY KEY,
    began REAL NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS events_are_final BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER IF NOT EXISTS events_stay BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


type Held = Event | Unknown
"""What a journal may hold: one that a newer version wrote, too."""


class _Line(NamedTuple):
    seq: int
    at: float
    kind: str
    subject: str
    text: str
    hash: str


class Entry[E: Held](_Line):
    """One line of the journal: when (Unix seconds), about whom, what, and the hash over it all.

    `text` is the event as it is stored; it is read into its record when that is first asked for.
    """

    @cached_property
    def event(self) -> E:
        """What happened.

        Raises:
            JournalError: These are no facts of this kind, so none of ours wrote them.
        """
        try:
            return cast(E, read(self.kind, self.text))
        except ValidationError as error:
            raise _unlike(self.seq, self.kind, error) from error


def _unlike(seq: int, kind: str, error: ValidationError) -> JournalError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return JournalError(
        f"Event {seq} (`{kind}`) does not say what such an event says: "
        f"{where and f'{where}: '}{first['msg']}.",
        "run `autoagent verify`",
    )


Move = Callable[[Entry[Held]], str]
"""The position that an entry leads to, as text."""


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

    Attributes:
        hours: Its clock.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the journal, creating it unless `read_only`.

        Raises:
            JournalError: The file cannot be opened, is not a journal or is a newer version's.
        """
        self.path, self._read_only = path, read_only
        try:
            self._db = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode={'ro' if read_only else 'rwc'}",
                uri=True,
                timeout=30,
                isolation_level=None,
                check_same_thread=False,
            )
            if not read_only:
                self._db.execute("PRAGMA journal_mode=WAL")  # first: whoever reads is in its way
                self._db.execute("PRAGMA synchronous=FULL")
            self._refuse_newer()
            if not read_only:
                self._make_tables()
            elif self._is_new():  # whoever made the file makes its tables next
                self._db.executescript(_TABLES.replace("CREATE TABLE", "CREATE TEMP TABLE"))
            self.hours = Hours(self._db, read_only=read_only)
        except sqlite3.Error as error:
            with suppress(AttributeError):  # where not even the file could be opened
                self._db.close()
            raise JournalError(
                f"{path} cannot be opened as a journal: {error}.", "run `autoagent doctor`"
            ) from error

    def _refuse_newer(self) -> None:
        """A newer version's journal is left alone: who does not know its tables spoils them."""
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA:
            self._db.close()
            raise JournalError(
                f"{self.path} has schema version {version}; this AutoAgent knows versions up to "
                f"{SCHEMA}.",
                "the same call with the AutoAgent that wrote it, or a newer one",
            )

    def _is_new(self) -> bool:
        return self._db.execute("SELECT 1 FROM sqlite_schema").fetchone() is None

    def _make_tables(self) -> None:
        """Make what is missing; only whoever makes the file gives it its version."""
        made = f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;"
        self._db.executescript(made if self._is_new() else _TABLES)

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

    def append(self, event: Event, about: str, move: Move | None = None) -> Entry[Held]:
        """Write one event and the position it leads to, in one durable transaction.

        Args:
            event: What happened.
            about: The id of what it happened to; lookups by it are indexed.
            move: Where the event leads; None leaves the stored position as it is.

        Raises:
            JournalError: Nothing was written (a full disk, a lock held too long).
        """
        kind, text = event.kind, event.text()
        try:
            with self._transaction():
                last = self._db.execute(
                    "SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1"
                ).fetchone()
                seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
                at = self.hours.now(last[2] if last else 0.0)
                digest = chain(previous, seq, at, kind, about, text)
                entry: Entry[Held] = Entry(seq, at, kind, about, text, digest)
                self._db.execute(
                    "INSERT INTO events VALUES (?,?,?,?,?,?)",
                    (seq, at, kind, about, text, digest),
                )
                if move is not None:
                    moved = (move(entry),)
                    self._db.execute("INSERT OR REPLACE INTO position VALUES (0, ?)", moved)
                return entry
        except sqlite3.Error as error:
            raise JournalError(
                f"{self.path}: `{kind}` was not written ({error}); nothing was lost. Free disk "
                "space if the disk is full.",
                "the same call again",
            ) from error

    def now(self) -> float:
        """Unix seconds that no clock which somebody sets lengthens or shortens (rule R10)."""
        return self.hours.now()

    def position(self) -> str | None:
        """The stored position, or None before the first event that has one."""
        row = self._db.execute("SELECT body FROM position WHERE id = 0").fetchone()
        return row[0] if row else None

    def head(self) -> str:
        """The hash of the last event."""
        row = self._db.execute("SELECT hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return row[0] if row else GENESIS

    def written_by_others(self) -> int:
        """A number that is another one after another process, a worker, wrote."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def about[E: Event](self, subject: str, *kinds: type[E]) -> list[Entry[E]]:
        """Entries about `subject`, oldest first; all kinds, or only those named."""
        where, arguments = _any_of(kinds)
        query = f"SELECT * FROM events WHERE subject = ?{where} ORDER BY seq"
        return [Entry(*row) for row in self._db.execute(query, (subject, *arguments))]

    def last[E: Event](self, kind: type[E]) -> Entry[E] | None:
        """The newest entry of a kind."""
        return next(self.newest(kind), None)

    def newest[E: Event](
        self, kind: type[E], after: int = 0, before: int = _NO_END
    ) -> Iterator[Entry[E]]:
        """Entries of a kind between two others, newest first; only what is asked for is read."""
        query = "SELECT * FROM events WHERE kind = ? AND seq > ? AND seq < ? ORDER BY seq DESC"
        with closing(self._db.execute(query, (kind.kind, after, before))) as rows:
            for row in rows:
                yield Entry(*row)

    def oldest[E: Event](self, kind: type[E], after: int = 0) -> Iterator[Entry[E]]:
        """Entries of a kind with seq > `after`, oldest first, one in memory at a time."""
        query = "SELECT * FROM events WHERE kind = ? AND seq > ? ORDER BY seq"
        with closing(self._db.execute(query, (kind.kind, after))) as rows:
            for row in rows:
                yield Entry(*row)

    def beginning[E: Event](self, prefix: str, kind: type[E]) -> Entry[E] | None:
        """The newest entry of a kind about a commit that begins so."""
        row = self._db.execute(
            "SELECT * FROM events WHERE subject >= ? AND subject < ? AND kind = ?"
            " ORDER BY seq DESC LIMIT 1",
            (prefix, f"{prefix}~", kind.kind),
        ).fetchone()
        return Entry(*row) if row else None

    def of_kind[E: Event](self, *kinds: type[E], after: int = 0) -> list[Entry[E]]:
        """Entries of some kinds with seq > `after`, oldest first."""
        where, arguments = _any_of(kinds)
        query = f"SELECT * FROM events WHERE seq > ?{where} ORDER BY seq"
        return [Entry(*row) for row in self._db.execute(query, (after, *arguments))]

    def entries(self, *kinds: type[Event], after: int = 0) -> Iterator[Entry[Held]]:
        """Entries with seq > `after`, oldest first and one at a time; all kinds, or those named.

        A night is read as it lies in the file: by an index of kinds it would have to be sorted.
        """
        where, arguments = _any_of(kinds)
        query = f"SELECT * FROM events NOT INDEXED WHERE seq > ?{where} ORDER BY seq"
        for row in self._db.execute(query, (after, *arguments)):
            yield Entry(*row)

    def read[F](
        self, kind: type[Event], reader: Callable[[str], F], after: int = 0
    ) -> Iterator[tuple[str, float, F]]:
        """Subject, time and what a reader makes of each entry of a kind, oldest first.

        Of trials there may be half a million: no entries are made of them.

        Raises:
            JournalError: One has no facts of this kind; names it.
        """
        query = "SELECT seq, at, subject, body FROM events NOT INDEXED WHERE seq > ? AND kind = ?"
        for seq, at, subject, text in self._db.execute(f"{query} ORDER BY seq", (after, kind.kind)):
            try:
                yield subject, at, reader(text)
            except ValidationError as error:
                raise _unlike(seq, kind.kind, error) from error

    def check(self) -> Entry[Held] | None:
        """Recompute the whole chain.

        Returns:
            The last entry, or None for an empty journal.

        Raises:
            JournalError: Names the first event that does not hash to what is stored.
        """
        previous, expected = GENESIS, 1
        last: Entry[Held] | None = None
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
                last = Entry(seq, at, kind, subject, body, stored)
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
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _any_of(kinds: tuple[type[Event], ...]) -> tuple[str, tuple[str, ...]]:
    if not kinds:
        return "", ()
    return f" AND kind IN ({','.join('?' * len(kinds))})", tuple(each.kind for each in kinds)
