"""A workspace names its state: who starts the server, with which variables, makes no second one."""

import json
import os
import shutil
from pathlib import Path

import pytest

from autoagent.errors import WorkspaceBusy, WorkspaceError
from autoagent.workspace.birth import birth
from autoagent.workspace.layout import WorkspaceLock, open_workspace
from autoagent.workspace.state import IDENTITY, POINTER

pytestmark = pytest.mark.rule("D8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, for a client that passes HOME alone."""
    monkeypatch.delenv("AUTOAGENT_STATE_DIR")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    path = tmp_path / "climb"
    path.mkdir()
    return path


def pointer(root: Path) -> Path:
    return root / ".autoagent" / POINTER


def test_another_home_finds_the_same_state(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Codex passes HOME, and not XDG_STATE_HOME; a desktop program has another HOME."""
    state = open_workspace(root).state
    assert pointer(root).stat().st_mode & 0o777 == 0o600
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    assert open_workspace(root).state == state
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert open_workspace(root).state == state
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "xdg").exists()


def test_a_state_of_before_is_found_and_then_named(root: Path) -> None:
    state = open_workspace(root).state
    (state / "journal.sqlite3").write_text("what was played")
    shutil.rmtree(root / ".autoagent")
    (state / IDENTITY).unlink()

    assert open_workspace(root).state == state
    assert json.loads(pointer(root).read_text()) == {"path": str(state)}
    assert json.loads((state / IDENTITY).read_text()) == {"path": str(root), "birth": birth(root)}


def test_a_workspace_that_was_deleted_and_made_again_has_no_journal_of_the_old_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the state of each stays: a journal is never deleted, and never another directory's."""
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(root.parent / "states"))
    states: list[Path] = []
    for _ in range(3):
        states.append(open_workspace(root).state)
        (states[-1] / "journal.sqlite3").write_text("what was played")
        shutil.rmtree(root)
        root.mkdir()
    assert len(set(states)) == 3
    assert all((state / "journal.sqlite3").exists() for state in states)


def test_a_pointer_that_was_removed_grants_no_new_journal(root: Path) -> None:
    """The directory is the same: caps and evidence are not started anew by `rm -r .autoagent`."""
    state = open_workspace(root).state
    shutil.rmtree(root / ".autoagent")
    assert open_workspace(root).state == state


def test_a_state_that_is_gone_is_told_and_never_made_anew(root: Path) -> None:
    state = open_workspace(root).state
    state.rename(state.with_name("elsewhere"))

    with pytest.raises(WorkspaceError, match=rf"names {state}.*No such file.*Put it back"):
        open_workspace(root)

    assert not state.exists()


def test_a_variable_that_leads_elsewhere_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = open_workspace(root).state
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(tmp_path / "new"))

    with pytest.raises(WorkspaceError, match=f"but this workspace's state is {state}"):
        open_workspace(root)

    assert not (tmp_path / "new").exists()


def planted(how: str, root: Path, state: Path) -> None:
    """What somebody who can write to the workspace may put in the pointer's place."""
    place = pointer(root)
    victim = root.parent / "victim"
    victim.mkdir()
    (victim / "precious").write_text("mine")
    named = {"inside": root / "state", "a device": Path("/dev"), "relative": Path("state")}
    if how == "another workspace":
        (victim / IDENTITY).write_text(json.dumps({"path": "/elsewhere"}))
    if how == "a link on the way":
        (victim / IDENTITY).symlink_to(state / IDENTITY)
    if how == "inside":
        (root / "state").mkdir(0o700)
        (root / "state" / IDENTITY).write_text(json.dumps({"path": str(root)}))
    place.unlink()
    if how == "a link":
        place.symlink_to(victim / "precious")
    elif how == "a pipe":
        os.mkfifo(place)
    elif how == "no json":
        place.write_text("/etc")
    elif how == "a linked folder":
        shutil.rmtree(place.parent)
        place.parent.symlink_to(victim)
    else:
        place.write_text(json.dumps({"path": str(named.get(how, victim))}))
    if not place.is_symlink() and place.is_file():
        place.chmod(0o666 if how == "writable to all" else 0o600)


@pytest.mark.parametrize(
    "how",
    ["a directory of ours", "another workspace", "a link on the way", "inside", "a device"]
    + ["relative", "a link", "a pipe", "no json", "a linked folder", "writable to all"],
)
def test_a_planted_name_leads_the_server_nowhere(root: Path, how: str) -> None:
    """It is refused, says where it stands, and nothing is read or written where it leads."""
    planted(how, root, open_workspace(root).state)
    victim = root.parent / "victim"
    before = sorted((path.name, path.lstat().st_mode) for path in victim.iterdir())

    with pytest.raises(WorkspaceError, match=str(root / ".autoagent")):
        open_workspace(root)

    assert sorted((path.name, path.lstat().st_mode) for path in victim.iterdir()) == before
    assert victim.stat().st_mode & 0o777 != 0o700


def test_a_copy_of_a_workspace_does_not_play_with_the_states_of_the_first(
    root: Path, tmp_path: Path
) -> None:
    open_workspace(root)
    shutil.copytree(root, tmp_path / "copy")

    with pytest.raises(WorkspaceError, match=f"the state of {root}. If .* is a copy"):
        open_workspace(tmp_path / "copy")


def test_whoever_loses_the_name_still_referees_alone(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workspace's own directory is locked: another state is no second referee."""
    first = open_workspace(root)
    with WorkspaceLock(first.lock, root=root):
        pointer(root).unlink()
        monkeypatch.setenv("HOME", str(tmp_path / "other"))
        second = open_workspace(root)
        assert second.state != first.state

        with pytest.raises(WorkspaceBusy, match="another state directory"):
            WorkspaceLock(second.lock, root=root).acquire()

    with WorkspaceLock(second.lock, root=root):
        pass
