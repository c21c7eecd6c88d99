"""`autoagent verify`: a night is replayed, and one changed byte is found."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from autoagent.commands.after.verify import replayed
from autoagent.records import Certificate
from autoagent.referee.ending.worth import edits_worth

from ..conftest import git

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


def test_a_flip_of_any_bit_of_the_journal_is_found(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    """200 random offsets: events, indexes, free space, headers and all."""
    climbed(workspace)
    journal = journal_of(workspace)
    honest = journal.read_bytes()
    dice = random.Random(20261125)
    missed: list[int] = []
    for offset in dice.sample(range(len(honest)), 200):
        flipped = bytearray(honest)
        flipped[offset] ^= 1 << dice.randrange(8)
        journal.write_bytes(flipped)
        for beside in journal.parent.glob("journal.sqlite3-*"):
            beside.unlink()
        code, _ = autoagent("verify", "--workspace", workspace)
        if code != 1:
            missed.append(offset)
    journal.write_bytes(honest)

    assert missed == []
    assert autoagent("verify", "--workspace", workspace)[0] == 0


def test_a_journal_that_something_else_wrote_to_is_a_problem(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    climbed(workspace)
    with closing(sqlite3.connect(journal_of(workspace))) as db:
        db.execute("CREATE TABLE notes (text)")
        db.commit()

    code, found = autoagent.json("verify", "--workspace", workspace)

    assert code == 1
    assert "not what its last writer left" in found["problems"][0]


def test_a_certificate_is_told_with_its_held_out_tasks_and_what_each_edit_adds(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    (workspace / "autoagent.toml").write_text('[holdout]\ntasks = ["t4"]\n[certify]\npasses = 1\n')
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", "hold out")
    climbed(workspace)
    _, printed = autoagent("verify", "--workspace", workspace)
    assert "Certified: " in printed
    assert "on 1 held-out tasks" in printed
    edit = certificate_of(workspace).replace(left_out={"abc1234": certificate_of(workspace).effect})
    assert edits_worth(edit)[0].startswith("With the edit abc1234, against without it: ")


def certificate_of(workspace: Path) -> Certificate:
    found = replayed(workspace).position.certificate
    assert found is not None
    return found
