"""`autoagent cost`: the next night's bill, by the last one's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_night_is_foretold_by_the_tasks_and_rules_that_stand_here(
    autoagent: Any, workspace: Path, climbed: Callable[[Path], None]
) -> None:
    """Four tasks, three passes of certification; nothing is measured for it."""
    climbed(workspace)
    journal = next((workspace.parent / "state").glob("*/journal.sqlite3"))
    before = journal.stat().st_size

    code, found = autoagent.json("cost", "--candidates", "10", "--workspace", workspace)
    assert code == 0
    trials = {part["what"]: part["trials"] for part in found["parts"]}
    assert trials == {
        "proving the tasks": 8,
        "the baseline": 8,
        "candidates": 40,
        "certification": 24,
    }
    code, said = autoagent("cost", "--candidates", "0", "--workspace", workspace)
    assert code == 0
    assert "By climb night: nothing was priced" in said
    assert journal.stat().st_size == before


def test_without_a_climb_there_is_nothing_to_tell_by(autoagent: Any, workspace: Path) -> None:
    code, said = autoagent("cost", "--workspace", workspace)
    assert code == 2
    assert "No climb was started" in said
