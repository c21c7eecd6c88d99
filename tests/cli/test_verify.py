"""`autoagent verify`: a night is replayed, and one changed byte is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Climbed = Callable[[Path], None]


def journal_of(workspace: Path) -> Path:
    (journal,) = (workspace.parent / "state").glob("*/journal.sqlite3")
    return journal


def test_an_honest_night_is_replayed(autoagent: Any, workspace: Path, climbed: Climbed) -> None:
    climbed(workspace)

    code, found = autoagent.json("verify", "--workspace", workspace)

    assert code == 0
    assert found["problems"] == []
    assert found["decisions"] == 2
    assert len(found["head"]) == 64


def test_what_was_found_is_printed_for_people(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    climbed(workspace)

    code, printed = autoagent("verify", "--workspace", workspace)

    assert code == 0
    assert "2 decisions replayed" in printed
    assert "3/4 passed" in printed
    assert "holds together" in printed


def test_a_flipped_byte_is_found_and_its_event_named(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    climbed(workspace)
    journal = journal_of(workspace)
    data = bytearray(journal.read_bytes())
    data[data.index(b'"reward":1.0') + len(b'"reward":')] ^= 1  # 1.0 becomes 0.0
    journal.write_bytes(data)

    code, printed = autoagent("verify", "--workspace", workspace)

    assert code == 1
    assert "does not match its hash" in printed
    assert "event " in printed


def test_a_journal_that_is_no_database_is_a_problem_not_a_crash(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    climbed(workspace)
    journal_of(workspace).write_bytes(b"nothing of the kind" * 100)

    code, found = autoagent.json("verify", "--workspace", workspace)

    assert code == 1
    assert found["ok"] is False


def test_a_position_that_was_edited_is_a_problem_not_a_crash(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    climbed(workspace)
    journal = journal_of(workspace)
    data = journal.read_bytes()
    journal.write_bytes(data.replace(b'{"phase":"finished"', b'{"phase":"finishes"'))

    code, found = autoagent.json("verify", "--workspace", workspace)

    assert code == 1
    assert found["problems"]


def test_an_edited_ledger_is_found(autoagent: Any, workspace: Path, climbed: Climbed) -> None:
    climbed(workspace)
    ledger = workspace / "results.tsv"
    ledger.write_text(ledger.read_text().replace("3/4", "4/4"))

    code, found = autoagent.json("verify", "--workspace", workspace)

    assert code == 1
    assert "results.tsv" in found["problems"][0]


def test_without_a_climb_there_is_nothing_to_verify(autoagent: Any, workspace: Path) -> None:
    code, printed = autoagent("verify", "--workspace", workspace)

    assert code == 2
    assert "No climb was started" in printed
    assert len(printed.splitlines()) == 1
