"""A journal that was written before there were typed events and versions: it is read as ever.

`old.sqlite3` was played by the scripted engine on the code of 2026-11-26, with every kind of event:
keep, discard, crash, reuse, revert, a killed and a cancelled worker, a certification that was cut
short and resumed, held-out tasks, two gates. `old.json` is what `autoagent export` said of it.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autoagent.commands.after.export import export
from autoagent.commands.after.verify import audit
from autoagent.evidence.events import (
    KINDS,
    BudgetRenewed,
    ClimbStarted,
    EditsNotAblated,
    EvidenceRemoved,
    MachineSlept,
    ModelAnswered,
    PassesDoubted,
    ProviderOut,
    TrialLost,
)
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position, apply
from autoagent.workspace.layout import open_workspace

HEAD = "cdbfc5e93d985e0e5a168613a7b390a16fae0a31f679854e61d0bd4a704c0cbd"
HERE = Path(__file__).parent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy: SQLite leaves files beside what it opens."""
    return Path(shutil.copy(HERE / "old.sqlite3", tmp_path / "journal.sqlite3"))


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with closing(Journal(path, read_only=True)) as journal:
        yield journal


def test_its_chain_holds_and_ends_in_the_head_that_was_told(journal: Journal) -> None:
    last = journal.check()
    assert last is not None
    assert (last.seq, journal.head()) == (307, HEAD)


def test_it_has_every_kind_of_event_of_its_time_and_each_is_read(journal: Journal) -> None:
    assert {type(entry.event) for entry in journal.entries()} == {*KINDS.values()} - {
        BudgetRenewed,
        EditsNotAblated,
        EvidenceRemoved,
        MachineSlept,
        ModelAnswered,
        PassesDoubted,
        ProviderOut,
    }


def test_its_events_lead_to_the_position_it_stored(journal: Journal) -> None:
    position = Position()
    for entry in journal.entries():
        position = apply(position, entry)
    assert position.model_dump_json() == journal.position()


def test_every_verdict_and_certificate_in_it_follows(journal: Journal) -> None:
    found = audit(journal, None)
    assert (found.problems, found.decisions, found.head) == ((), 11, HEAD)


def test_it_is_exported_as_it_was(tmp_path: Path, path: Path) -> None:
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "agent.py").touch()
    place = open_workspace(root).journal
    place.parent.mkdir(parents=True, exist_ok=True)
    path.rename(place)
    found = json.loads(json.dumps(export(root)))
    assert found | {"workspace": "/workspace"} == json.loads((HERE / "old.json").read_text("utf-8"))


def test_its_events_would_be_written_to_the_byte_as_they_were(journal: Journal) -> None:
    """But for a charge of 0, which is 0.0 now, and a side the scripted engine did not tell."""
    for entry in journal.entries():
        stored = entry.text.replace('"charged_dollars":0,', '"charged_dollars":0.0,')
        if entry.kind == "trial_started" and '"side"' not in stored:
            stored = stored.replace('"task"', '"side":"","task"')
        assert KINDS[entry.kind].text(entry.event) == stored  # pyright: ignore


def test_it_is_written_on_and_stays_without_a_version(path: Path) -> None:
    with closing(Journal(path)) as journal:
        stands = Position.model_validate_json(journal.position() or "")
        lost = TrialLost(trial="e1.t1.1")
        journal.append(lost, "e1", lambda entry: apply(stands, entry).model_dump_json())
        last = journal.check()
        begun = journal.last(ClimbStarted)
    assert last is not None and begun is not None
    assert (last.seq, begun.event.tag) == (308, "second")
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (0,)
