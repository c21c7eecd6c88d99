"""The journal: one commit point, in order, tamper-evident, safe for several processes."""

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoagent.errors import JournalError
from autoagent.evidence.journal import GENESIS, Event, Journal

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(st.text(max_size=10), values, max_size=4)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(written=st.lists(st.tuples(st.text(max_size=8), bodies), min_size=1, max_size=6))
def test_what_was_appended_reads_back_equal_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, dict[str, Any]]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite3"
    journal = Journal(path)
    for subject, body in written:
        journal.append("fact", subject, body)
    events = list(journal.events())
    assert [(event.subject, event.body) for event in events] == written
    assert [event.seq for event in events] == list(range(1, len(written) + 1))
    assert journal.check() == events[-1]
    assert journal.head() == events[-1].hash
    journal.close()


def test_an_empty_journal_has_the_genesis_head(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.head() == GENESIS
    assert journal.check() is None


@pytest.mark.parametrize("column", ["at", "kind", "subject", "body", "hash"])
@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_changed_column_is_named_by_its_event(tmp_path: Path, column: str, seq: int) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    for number in range(5):
        journal.append("fact", "s", {"n": number})
    journal.close()
    changed = {"at": 1.5, "body": '{"n":7}'}.get(column, "x")
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER events_are_final")
    raw.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (changed, seq))
    raw.commit()
    raw.close()
    with pytest.raises(JournalError, match=f"event {seq} "):
        Journal(path, read_only=True).check()


def test_a_removed_event_is_named(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    for number in range(5):
        journal.append("fact", "s", {"n": number})
    journal.close()
    raw = sqlite3.connect(path)
    raw.execute("DROP TRIGGER events_stay")
    raw.execute("DELETE FROM events WHERE seq = 2")
    raw.commit()
    raw.close()
    with pytest.raises(JournalError, match="event 2 "):
        Journal(path, read_only=True).check()


def test_events_cannot_be_updated_or_deleted_through_sql(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    journal.append("fact", "s", {})
    for statement in ("UPDATE events SET kind = 'x'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            journal._db.execute(statement)


def test_the_position_moves_with_the_event_or_not_at_all(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")

    def count(stored: str | None, event: Event) -> str:
        if event.body.get("bad"):
            raise ValueError("this event cannot follow")
        return str(int(stored or "0") + 1)

    journal.append("fact", "s", {}, count)
    with pytest.raises(ValueError, match="cannot follow"):
        journal.append("fact", "s", {"bad": True}, count)
    journal.append("fact", "s", {}, count)
    assert journal.position() == "2"
    assert [event.seq for event in journal.events()] == [1, 2]


def append_many(path: Path, name: str) -> None:
    journal = Journal(path)
    for number in range(25):
        journal.append("fact", name, {"n": number})
    journal.close()


def test_processes_that_append_together_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "j"
    Journal(path).close()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_many, args=(path, f"p{n}")) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    journal = Journal(path, read_only=True)
    last = journal.check()
    assert last is not None
    assert last.seq == 75
    assert [len(journal.about(f"p{n}")) for n in range(3)] == [25, 25, 25]
