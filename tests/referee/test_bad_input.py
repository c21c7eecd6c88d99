"""Bad input: each gets one clear error that names the file and the fix, and nothing is lost."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autoagent.errors import (
    AutoAgentError,
    BoundaryError,
    ConfigError,
    JournalError,
    TaskError,
    UnknownName,
    WorkspaceBusy,
    WorkspaceError,
)
from autoagent.evidence.events import WorkerFailed
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

OpenReferee = Callable[[Engine | None], Referee]
GOOD = {"t1": [1.0]}


def refusal(root: Path, tag: str = "night") -> AutoAgentError:
    """What `start_climb` says about a workspace; the referee stays usable."""
    referee = Referee.open(root, ScriptedEngine(GOOD))
    try:
        with pytest.raises(AutoAgentError) as refused:
            referee.start_climb(tag)
        assert referee.status().phase == "new"
        return refused.value
    finally:
        referee.close()


def commit(root: Path) -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qam", "x"]
    subprocess.run(command, cwd=root, check=True)


def test_no_git_repository(make_workspace: Callable[..., Path]) -> None:
    error = refusal(make_workspace(commit=False))
    assert isinstance(error, WorkspaceError)
    assert "git init" in str(error)


def test_a_repository_without_a_commit(make_workspace: Callable[..., Path]) -> None:
    root = make_workspace(commit=False)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    assert "no commit yet" in str(refusal(root))


def test_a_dirty_tree_names_its_files(workspace: Path) -> None:
    (workspace / "program.md").write_text("changed")
    assert "program.md differ from HEAD" in str(refusal(workspace))


def test_a_workspace_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="nowhere"):
        Referee.open(tmp_path / "nowhere", ScriptedEngine(GOOD))


def test_a_bad_configuration_names_file_key_value_and_form(
    make_workspace: Callable[..., Path],
) -> None:
    root = make_workspace(config='[gate]\nrule = "lenient"\n')
    with pytest.raises(ConfigError) as refused:
        Referee.open(root, ScriptedEngine(GOOD))
    message = str(refused.value)
    assert "autoagent.toml: `gate.rule` is 'lenient'" in message
    assert "'strict'" in message


def test_no_tasks(workspace: Path) -> None:
    shutil.rmtree(workspace / "tasks")
    commit(workspace)
    assert "tasks: there is no such directory" in str(refusal(workspace))


def test_an_empty_selection_lists_the_tasks_there_are(make_workspace: Callable[..., Path]) -> None:
    root = make_workspace(config='[benchmark]\nonly = ["nothing-*"]\n')
    message = str(refusal(root))
    assert "benchmark.only" in message
    assert "t1, t2, t3, t4" in message


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("task.toml", "schema_version = ", "task.toml"),
        ("tests/test.sh", None, "test.sh"),
        ("instruction.md", None, "instruction.md"),
        ("environment/Dockerfile", "FROM ubuntu\n", "needs the image ubuntu"),
    ],
)
def test_a_malformed_task_is_left_out_by_name_with_the_reason(
    workspace: Path, file: str, content: str | None, said: str
) -> None:
    path = workspace / "tasks/t2" / file
    path.unlink() if content is None else path.write_text(content)
    commit(workspace)
    referee = Referee.open(workspace, ScriptedEngine(GOOD))
    status = referee.start_climb("night")
    referee.close()
    assert any("t2 is left out" in note and said in note for note in status.notes)


def test_only_malformed_tasks_refuse_the_climb(workspace: Path) -> None:
    for task in (workspace / "tasks").iterdir():
        (task / "instruction.md").unlink()
    commit(workspace)
    error = refusal(workspace)
    assert isinstance(error, TaskError)
    assert "tasks/t1" in str(error)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# === FIXED ADAPTER BOUNDARY ===", "# ===", "boundary"),
        ("MAX_TURNS = 3\n", "MAX_TURNS = 3\n# === FIXED ADAPTER BOUNDARY ===\n", "boundar"),
        ("MAX_TURNS = 3", "MAX_TURNS = (", "agent.py"),
        ("class AutoAgent", "class Other", "AutoAgent"),
    ],
)
def test_a_harness_that_cannot_be_split_or_has_no_class(
    make_workspace: Callable[..., Path], harness_source: str, old: str, new: str, said: str
) -> None:
    root = make_workspace(harness=harness_source.replace(old, new))
    assert said in str(refusal(root))


def test_a_harness_that_is_not_utf8(workspace: Path) -> None:
    (workspace / "agent.py").write_bytes(b"# \xff\xfe\n" + (workspace / "agent.py").read_bytes())
    commit(workspace)
    error = refusal(workspace)
    assert isinstance(error, BoundaryError)
    assert "UTF-8" in str(error)


def test_a_missing_harness(workspace: Path) -> None:
    (workspace / "agent.py").unlink()
    commit(workspace)
    assert "agent.py" in str(refusal(workspace))


def test_unknown_ids_are_told_what_ids_look_like(open_referee: OpenReferee) -> None:
    referee = open_referee(ScriptedEngine(GOOD))
    for call in (
        lambda: referee.trial("e9.t1.1"),
        lambda: referee.trial("../../etc/passwd"),
        lambda: referee.evaluation("e9"),
        lambda: referee.read_file("../secret"),
        lambda: referee.read_file("tasks/t1/solution/solve.sh"),
        lambda: referee.read_file(".agent/../agent.py"),
    ):
        with pytest.raises(UnknownName):
            call()


def test_a_second_server_is_told_who_holds_the_workspace(workspace: Path) -> None:
    first = Referee.open(workspace, ScriptedEngine(GOOD))
    with pytest.raises(WorkspaceBusy, match=str(os.getpid())):
        Referee.open(workspace, ScriptedEngine(GOOD))
    first.close()


def test_a_journal_that_is_no_journal_is_named(workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine(GOOD))
    journal = Path(referee.status().state_directory) / "journal.sqlite3"
    referee.close()
    for leftover in journal.parent.glob("journal.sqlite3-*"):
        leftover.unlink()
    journal.write_bytes(b"this is not a database" * 100)
    with pytest.raises(JournalError, match="journal.sqlite3"):
        Referee.open(workspace, ScriptedEngine(GOOD))


def test_a_full_disk_loses_nothing_and_the_call_works_once_there_is_room(
    open_referee: OpenReferee, workspace: Path
) -> None:
    """SQLite reports a full database exactly as it reports a full disk."""
    referee = open_referee(ScriptedEngine(GOOD))
    referee.start_climb("night")
    database = referee._climb.journal._db
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    before = referee.status()
    with pytest.raises(JournalError, match=r"nothing was lost.*disk") as refused:
        for _ in range(200):
            referee._climb.journal.append(WorkerFailed(reason="x" * 1000), "x")
    assert refused.value.next_call == "the same call again"
    assert referee.status().phase == before.phase
    database.execute("PRAGMA max_page_count = 1000000")
    for _ in range(10):
        referee.advance()
    assert referee.status().phase == "baseline_needed"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        check=False,
        capture_output=True,
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("needs the right to mount a file system of two megabytes")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_really_full_disk_refuses_the_climb_and_leaves_the_workspace_alone(
    workspace: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(small_disk))
    referee = Referee.open(workspace, ScriptedEngine(GOOD))  # the workspace names its state
    before = {p: p.read_bytes() for p in workspace.rglob("*") if p.is_file()}
    filler = small_disk / "filler"
    with (
        filler.open("wb", buffering=0) as file,
        pytest.raises(OSError, match="No space left"),
    ):
        while True:
            file.write(b"x" * 4096)
    with pytest.raises((AutoAgentError, OSError)) as refused:
        referee.start_climb("night")
    assert isinstance(refused.value, AutoAgentError), repr(refused.value)
    assert {p: p.read_bytes() for p in workspace.rglob("*") if p.is_file()} == before
    filler.unlink()
    assert referee.start_climb("night").phase in ("validating", "baseline_needed")
    referee.close()
