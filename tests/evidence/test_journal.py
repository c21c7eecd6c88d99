"""The journal: one commit point, in order, tamper-evident, safe for several processes."""

import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoagent.errors import JournalError
from autoagent.evidence.events import (
    ClimbStarted,
    Event,
    TasksValidated,
    TrialFinished,
    TrialLost,
    TrialStarted,
    Unknown,
    WorkerEnded,
    WorkerFailed,
    WorkerStarted,
)
from autoagent.evidence.journal import GENESIS, SCHEMA, Entry, Held, Journal, chain
from autoagent.records import Candidate, Trial

numbers = st.floats(allow_nan=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.lists(st.text(), max_size=3).map(tuple)
reasons = st.dictionaries(st.text(), st.text(), max_size=3)
candidates = st.builds(
    Candidate, id=st.text(), digest=st.text(), parent=st.none() | st.text(), description=st.text(),
    complexity=st.integers(0, 2**53), warnings=names,
)  # fmt: skip
trials = st.builds(
    Trial, id=st.text(), task=st.text(), attempt=st.integers(1, 9), reward=st.none() | numbers,
    outcome=st.sampled_from(["passed", "void"]), cost_usd=st.none() | numbers,
)  # fmt: skip
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        ClimbStarted, tag=st.text(), snapshot=st.text(), tasks=names, holdout=names,
        excluded=reasons, baseline=candidates, model=st.none() | st.text(), head=st.text(),
        config=st.dictionaries(st.text(), values, max_size=4), isolation=st.just("sandbox"),
    ),
    st.builds(TasksValidated, tasks=names, excluded=reasons, holdout_excluded=reasons),
    st.builds(TrialLost, trial=st.text(), cost_usd=st.none() | numbers),
    st.builds(TrialFinished, trial=trials, directory=st.text()),
    st.builds(
        TrialStarted, task=st.text(), attempt=st.integers(1, 9), side=st.text(), trial=st.text(),
        reserved_dollars=numbers,
    ),
    st.builds(WorkerFailed, reason=st.text()),
    st.just(WorkerStarted()),
)  # fmt: skip


def fact(number: int) -> Event:
    return WorkerFailed(reason=str(number))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None
)
@given(written=st.lists(st.tuples(st.text(max_size=8), events), min_size=1, max_size=6))
def test_what_was_appended_reads_back_equal_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, Event]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite3"
    journal = Journal(path)
    for about, event in written:
        journal.append(event, about)
    entries = list(journal.entries())
    assert [(entry.subject, entry.event) for entry in entries] == written
    assert [entry.seq for entry in entries] == list(range(1, len(written) + 1))
    assert journal.check() == entries[-1]
    assert journal.head() == entries[-1].hash
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
        journal.append(fact(number), "s")
    journal.close()
    changed = {"at": 1.5, "body": '{"reason":"7"}'}.get(column, "x")
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
        journal.append(fact(number), "s")
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
    journal.append(fact(0), "s")
    for statement in ("UPDATE events SET kind = 'x'", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            journal._db.execute(statement)


def test_the_position_moves_with_the_event_or_not_at_all(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")

    def count(entry: Entry[Held]) -> str:
        if isinstance(entry.event, WorkerEnded):
            raise ValueError("this event cannot follow")
        return str(entry.seq)

    journal.append(fact(0), "s", count)
    with pytest.raises(ValueError, match="cannot follow"):
        journal.append(WorkerEnded(end="complete"), "s", count)
    journal.append(fact(0), "s", count)
    assert journal.position() == "2"
    assert [entry.seq for entry in journal.entries()] == [1, 2]


def append_many(path: Path, name: str) -> None:
    journal = Journal(path)
    for number in range(25):
        journal.append(fact(number), name)
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


def foreign(path: Path, kind: str, text: str) -> None:
    """Append a line as another version would: by the rules of the chain, and by no record's."""
    journal = Journal(path)
    digest = chain(journal.head(), 1, 1.0, kind, "s", text)
    journal._db.execute("INSERT INTO events VALUES (1, 1.0, ?, 's', ?, ?)", (kind, text, digest))
    journal.close()


def test_an_event_of_a_kind_that_is_not_known_is_kept_and_verifies(tmp_path: Path) -> None:
    foreign(tmp_path / "j", "moon_landed", '{"feet":1}')
    journal = Journal(tmp_path / "j", read_only=True)
    (entry,) = journal.entries()
    assert journal.check() == entry
    assert entry.event == Unknown(kind="moon_landed", text='{"feet":1}')


def test_an_event_without_the_facts_of_its_kind_is_named(tmp_path: Path) -> None:
    foreign(tmp_path / "j", "trial_lost", '{"cost_usd":1.0}')
    journal = Journal(tmp_path / "j", read_only=True)
    (entry,) = journal.entries()
    assert journal.check() == entry
    with pytest.raises(JournalError, match=r"Event 1 \(`trial_lost`\).*trial: Field required"):
        _ = entry.event


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_versions_journal_is_refused_and_not_touched(
    tmp_path: Path, read_only: bool
) -> None:
    path = tmp_path / "j.sqlite3"
    Journal(path).close()
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    raw.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(JournalError) as refused:
        Journal(path, read_only=read_only)
    assert refused.value.message == (
        f"{path} has schema version 2; this AutoAgent knows versions up to 1."
    )
    assert (
        refused.value.next_call == "the same call with the AutoAgent that wrote it, or a newer one"
    )
    assert path.read_bytes() == before


def test_a_journal_whose_tables_are_not_made_yet_reads_as_empty(tmp_path: Path) -> None:
    """Whoever looks on may come between the file and its tables."""
    path = tmp_path / "journal.sqlite3"
    sqlite3.connect(path).execute("PRAGMA journal_mode=WAL").connection.close()

    with closing(Journal(path, read_only=True)) as journal:
        assert (journal.head(), journal.position()) == (GENESIS, None)
    with closing(Journal(path)) as journal:
        assert journal.append(fact(1), "night").seq == 1
