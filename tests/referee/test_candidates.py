"""A candidate's bytes are checked by the same rules, wherever they come from."""

from pathlib import Path

import pytest

from autoagent.errors import CandidateRefused
from autoagent.referee.candidates import (
    NOTES_LIMIT_BYTES,
    Draft,
    baseline_draft,
    check_draft,
    draft_of,
    read_draft,
)
from autoagent.referee.ending.ablation import without
from autoagent.workspace.harness.boundary import Split
from autoagent.workspace.layout import Workspace, open_workspace


@pytest.fixture
def opened(workspace: Path) -> Workspace:
    return open_workspace(workspace)


def edited(workspace: Workspace, old: str, new: str, **notes: str) -> Draft:
    """Change the harness and the notes on disk, and read the candidate."""
    canonical, model = frozen(workspace)
    text = workspace.harness.read_text()
    assert old in text
    workspace.harness.write_text(text.replace(old, new, 1))
    workspace.notes.mkdir(exist_ok=True)
    for name, note in notes.items():
        (workspace.notes / name).write_text(note)
    return read_draft(workspace, canonical, model)


def frozen(workspace: Workspace) -> tuple[Split, str | None]:
    _, canonical, model = baseline_draft(workspace)
    return canonical, model


def test_stored_bytes_make_the_draft_that_the_tree_makes(opened: Workspace) -> None:
    canonical, model = frozen(opened)
    read = edited(opened, "MAX_TURNS = 3", "MAX_TURNS = 4", note="Try four.")
    assert draft_of(opened, read.files, canonical, model) == read


def test_the_champion_without_an_edit_is_a_candidate_like_any_other(opened: Workspace) -> None:
    """It is the very candidate that would have been committed without that edit."""
    canonical, model = frozen(opened)
    before = baseline_draft(opened)[0]
    after = edited(opened, "MAX_TURNS = 3", "MAX_TURNS = 4", first="Four.")
    champion = edited(opened, "as briefly as you can", "in one word", second="One word.")

    files = without(champion.files, before.files, after.files, "agent.py")

    assert files is not None
    rebuilt = draft_of(opened, files, canonical, model)
    (opened.notes / "first").unlink()
    assert rebuilt == edited(opened, "MAX_TURNS = 4", "MAX_TURNS = 3")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MAX_TURNS = 3", "MAX_TURNS ="),
        ('MODEL = "rules"', 'MODEL = "another"'),
        ("class AutoAgent", "class Another"),
        ("# === FIXED ADAPTER BOUNDARY ===\n", ""),
    ],
)
def test_bytes_that_break_a_rule_are_no_candidate(opened: Workspace, old: str, new: str) -> None:
    draft, canonical, model = baseline_draft(opened)
    assert draft_of(opened, draft.files, canonical, model) == draft
    broken = draft.files["agent.py"].replace(old.encode(), new.encode())
    assert broken != draft.files["agent.py"]
    assert draft_of(opened, {"agent.py": broken}, canonical, model) is None


def test_notes_beyond_the_limit_in_all_are_refused(opened: Workspace, harness_source: str) -> None:
    canonical, model = frozen(opened)
    half = b"x" * (NOTES_LIMIT_BYTES // 2)
    notes = {".agent/a": half, ".agent/b": half}
    assert check_draft(opened, harness_source.encode(), notes, canonical, model)
    notes[".agent/c"] = b"x"
    with pytest.raises(CandidateRefused, match="bytes in all; the limit is 1048576"):
        check_draft(opened, harness_source.encode(), notes, canonical, model)
    opened.notes.mkdir()
    for path, data in notes.items():
        (opened.root / path).write_bytes(data)
    with pytest.raises(CandidateRefused, match="bytes in all; the limit is 1048576"):
        read_draft(opened, canonical, model)
