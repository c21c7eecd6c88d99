"""`.agent/`: a link that appears between two looks leads the server nowhere."""

from pathlib import Path

import pytest

from autoagent.errors import WorkspaceError
from autoagent.workspace import notes
from autoagent.workspace.layout import open_workspace


@pytest.fixture
def linked(workspace: Path, tmp_path: Path) -> Path:
    """A directory elsewhere that `.agent/out` leads to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_text("not for the meta-agent")
    (workspace / ".agent").mkdir()
    (workspace / ".agent/out").symlink_to(elsewhere)
    return elsewhere


def test_no_directory_on_the_way_to_a_note_may_be_a_link(workspace: Path, linked: Path) -> None:
    opened = open_workspace(workspace)

    with pytest.raises(OSError, match="Not a directory"):
        notes.read_one(opened, (".agent", "out", "secret"), 100)
    with pytest.raises(OSError, match="Not a directory"):
        notes.write_one(opened, (".agent", "out", "planted"), b"")
    found, problems = notes.read_all(opened)

    assert [p.name for p in linked.iterdir()] == ["secret"]
    assert (found, problems) == ({}, [".agent/out: a link; plain files only"])


def test_a_note_that_is_no_file_is_not_replaced(workspace: Path, linked: Path) -> None:
    (workspace / ".agent/note").symlink_to(linked / "secret")
    with pytest.raises(WorkspaceError, match="no plain file"):
        notes.write_one(open_workspace(workspace), (".agent", "note"), b"")
    assert (linked / "secret").read_text() == "not for the meta-agent"


def test_a_shared_directory_stays_shared_when_it_is_made_anew(workspace: Path) -> None:
    """The meta-agent of another user could not make it again."""
    opened = open_workspace(workspace)

    made = notes.prepare(opened, {".agent/skills/a.md": b"a"}, 0o2775, 7)

    assert made is not None
    assert made == notes.prepared(opened, 7)
    assert [(made / p).stat().st_mode & 0o7777 for p in ("", "skills")] == [0o2775, 0o2775]
    assert (made / "skills/a.md").stat().st_mode & 0o777 == 0o664


def test_what_was_prepared_for_another_event_or_is_in_place_is_gone(workspace: Path) -> None:
    opened = open_workspace(workspace)
    notes.prepare(opened, {".agent/a.md": b"a"}, None, 7)
    (made := notes.prepare(opened, {".agent/b.md": b"b"}, None, 8) or Path()).rename(opened.notes)

    assert (made.exists(), notes.prepared(opened, 7), notes.prepared(opened, 8)) == (False,) + (
        None,
    ) * 2
    notes.discard_prepared(opened)
    assert [path.name for path in opened.output.iterdir()] == ["state.json"]


def test_what_is_made_below_a_shared_directory_is_shared(workspace: Path) -> None:
    (workspace / ".agent").mkdir()
    (workspace / ".agent").chmod(0o775)

    notes.write_one(open_workspace(workspace), (".agent", "skills", "a.md"), b"a")

    assert (workspace / ".agent/skills").stat().st_mode & 0o020
    assert (workspace / ".agent/skills/a.md").stat().st_mode & 0o777 == 0o664


def test_the_memory_is_no_part_of_a_candidate_and_only_plain_files_are_carried_over(
    workspace: Path, tmp_path: Path
) -> None:
    memory = workspace / ".agent/notes"
    (memory / "deep").mkdir(parents=True)
    (memory / "tried.md").write_text("more turns: no")
    (memory / "deep/a.md").write_text("a")
    (memory / "big").write_bytes(bytes(notes.NOTES_LIMIT_BYTES + 1))
    (tmp_path / "secret").write_text("not for the meta-agent")
    (memory / "link").symlink_to(tmp_path / "secret")
    (workspace / ".agent/skill.md").write_text("a skill")
    opened = open_workspace(workspace)

    assert notes.read_all(opened) == ({".agent/skill.md": b"a skill"}, [])
    assert notes.read_memory(opened) == {
        ".agent/notes/tried.md": b"more turns: no",
        ".agent/notes/deep/a.md": b"a",
    }


def test_a_memory_that_a_link_leads_to_is_not_read(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret").write_text("not for the meta-agent")
    (workspace / ".agent").mkdir()
    (workspace / ".agent/notes").symlink_to(tmp_path / "elsewhere")

    assert notes.read_memory(open_workspace(workspace)) == {}
