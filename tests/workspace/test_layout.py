"""Where a workspace keeps things, who holds it, and that a write is whole or not at all."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoagent.errors import ConfigError, WorkspaceBusy, WorkspaceError
from autoagent.files import read_regular, walk, write_durably
from autoagent.workspace.layout import WorkspaceLock, open_workspace
from autoagent.workspace.tasks.stat_cache import StatCache

HOLD = """
import sys
from pathlib import Path
from autoagent.workspace.layout import WorkspaceLock
WorkspaceLock(Path(sys.argv[1]), "autoagent serve --workspace w").acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "climb"
    path.mkdir()
    return path


def test_a_workspace_knows_where_everything_is(root: Path) -> None:
    """The layout of design.md, with the state outside the tree."""
    workspace = open_workspace(root)

    below = {
        name: getattr(workspace, name).relative_to(root).as_posix()
        for name in (
            "harness",
            "notes",
            "program",
            "tasks",
            "ledger",
            "output",
            "jobs",
            "stop_file",
        )
    }
    assert below == {
        "harness": "agent.py",
        "notes": ".agent",
        "program": "program.md",
        "tasks": "tasks",
        "ledger": "results.tsv",
        "output": ".autoagent",
        "jobs": ".autoagent/jobs",
        "stop_file": "STOP",
    }
    kept = {
        getattr(workspace, name).relative_to(workspace.state).as_posix()
        for name in ("journal", "store", "snapshots", "evaluations", "lock")
    }
    assert kept == {"journal.sqlite3", "store.git", "snapshots", "evaluations", "lock"}


def test_the_harness_and_tasks_are_where_the_config_says(root: Path) -> None:
    (root / "autoagent.toml").write_text(
        '[harness]\nfile = "bot.py"\n[benchmark]\ntasks = "bench/tasks"\n'
    )
    workspace = open_workspace(root)
    assert (workspace.harness, workspace.tasks) == (root / "bot.py", root / "bench/tasks")


def test_the_state_directory_is_private_even_if_it_was_not(root: Path) -> None:
    """Mode 0700, since journal and store are evidence."""
    state = open_workspace(root).state
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    state.chmod(0o755)
    open_workspace(root)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_workspace_reached_through_a_link_has_the_same_state(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert open_workspace(tmp_path / "link").state == open_workspace(root).state


def test_workspaces_of_the_same_name_do_not_share_state(tmp_path: Path) -> None:
    states: set[Path] = set()
    for parent in ("one", "two"):
        (tmp_path / parent / "climb").mkdir(parents=True)
        states.add(open_workspace(tmp_path / parent / "climb").state)
    assert len(states) == 2
    assert all(state.name.startswith("climb-") for state in states)


def test_without_a_variable_the_state_follows_xdg(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The XDG base directory specification; a relative path in it is ignored."""
    monkeypatch.delenv("AUTOAGENT_STATE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert open_workspace(root).state.parent == tmp_path / "xdg/autoagent"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    (tmp_path / "other").mkdir()
    other = open_workspace(tmp_path / "other").state
    assert other.parent == tmp_path / "home/.local/state/autoagent"


@pytest.mark.parametrize("inside", [".", "state", ".agent/state"])
def test_a_state_directory_inside_the_workspace_is_refused(
    root: Path, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the meta-agent could rewrite the journal."""
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(root / inside))
    with pytest.raises(WorkspaceError, match="inside the workspace.*AUTOAGENT_STATE_DIR"):
        open_workspace(root)


def test_a_link_that_leads_the_state_into_the_workspace_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outside").symlink_to(root)
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", str(tmp_path / "outside"))
    with pytest.raises(WorkspaceError, match="inside the workspace"):
        open_workspace(root)


def test_a_relative_state_directory_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOAGENT_STATE_DIR", "state")
    with pytest.raises(WorkspaceError, match="absolute"):
        open_workspace(root)


def test_what_is_not_a_directory_is_not_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="is not a directory"):
        open_workspace(tmp_path / "file")
    with pytest.raises(WorkspaceError, match="does not exist"):
        open_workspace(tmp_path / "nowhere")


@pytest.mark.parametrize("tasks", ["../tasks", "/tasks", "a/../../b", ".", ""])
def test_tasks_outside_the_workspace_are_refused(root: Path, tasks: str) -> None:
    (root / "autoagent.toml").write_text(f'[benchmark]\ntasks = "{tasks}"\n')
    with pytest.raises(WorkspaceError, match=r"benchmark\.tasks.*inside the workspace"):
        open_workspace(root)


def test_a_wrong_config_is_told_as_such(root: Path) -> None:
    (root / "autoagent.toml").write_text("[benchmark]\nconcurency = 3\n")
    with pytest.raises(ConfigError, match="concurency"):
        open_workspace(root)


# -- the lock ---------------------------------------------------------------------------------


def test_a_second_server_is_told_who_holds_the_workspace(root: Path) -> None:
    """Threat D8: one referee per workspace, within one process too."""
    lock = open_workspace(root).lock
    with (
        WorkspaceLock(lock, "autoagent serve"),
        pytest.raises(WorkspaceBusy, match=rf"pid {os.getpid()} \(autoagent serve\)"),
    ):
        WorkspaceLock(lock).acquire()


def test_a_released_lock_can_be_taken_again(root: Path) -> None:
    lock = open_workspace(root).lock
    first, second = WorkspaceLock(lock), WorkspaceLock(lock)
    first.acquire()
    first.acquire()
    first.release()
    first.release()
    with second:
        pass


def test_a_killed_server_leaves_nothing_locked(root: Path) -> None:
    """The kernel releases the lock; what the dead holder wrote blocks nobody."""
    lock = open_workspace(root).lock
    command = [sys.executable, "-c", HOLD, str(lock)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdin is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkspaceBusy, match=rf"pid {holder.pid} \(autoagent serve --work"):
            WorkspaceLock(lock).acquire()
        holder.send_signal(signal.SIGKILL)
    with WorkspaceLock(lock):
        pass


def test_a_holder_that_has_not_said_who_it_is_still_holds(root: Path) -> None:
    lock = open_workspace(root).lock
    with WorkspaceLock(lock):
        lock.write_bytes(b'{"pid": ')
        with pytest.raises(WorkspaceBusy, match="just started"):
            WorkspaceLock(lock).acquire()


# -- writing ----------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.binary(max_size=4096))
def test_what_is_written_is_what_is_read(tmp_path: Path, data: bytes) -> None:
    write_durably(tmp_path / "file", data)
    assert read_regular(tmp_path / "file") == data
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_rewritten_file_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "agent.py"
    path.write_text("old")
    path.chmod(0o755)
    write_durably(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@contextmanager
def file_size_limit(size: int) -> Generator[None]:
    """A disk that is full after `size` bytes of a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_original_whole(tmp_path: Path) -> None:
    """The new content is complete on the disk before it takes the old one's place."""
    path = tmp_path / "results.tsv"
    path.write_text("original")
    with (
        file_size_limit(1000),
        pytest.raises(WorkspaceError, match=r"results\.tsv was not written .*intact"),
    ):
        write_durably(path, b"x" * 5000)
    assert path.read_text() == "original"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_never_written_through(tmp_path: Path) -> None:
    """The workspace's tree is hostile input: results.tsv may point at ~/.bashrc."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "results.tsv").symlink_to("precious")
    with pytest.raises(WorkspaceError, match="symbolic link"):
        write_durably(tmp_path / "results.tsv", b"x")
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_directory_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "results.tsv").mkdir()
    with pytest.raises(WorkspaceError, match="is a directory; nothing was written"):
        write_durably(tmp_path / "results.tsv", b"x")


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"nowhere/file was not written \(No such file"):
        write_durably(tmp_path / "nowhere/file", b"x")


# -- reading ----------------------------------------------------------------------------------


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "agent.py")
    with pytest.raises(WorkspaceError, match="is a special file"):
        read_regular(tmp_path / "agent.py")


def test_a_link_is_not_read_through(tmp_path: Path) -> None:
    (tmp_path / "agent.py").symlink_to("/etc/passwd")
    with pytest.raises(WorkspaceError, match="is a symbolic link"):
        read_regular(tmp_path / "agent.py")


def test_a_file_above_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_bytes(b"12345")
    assert read_regular(tmp_path / "agent.py", limit=5) == b"12345"
    with pytest.raises(WorkspaceError, match="larger than 4 bytes"):
        read_regular(tmp_path / "agent.py", limit=4)


def test_a_tree_is_listed_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("x")
    (tmp_path / "a/loop").symlink_to("..")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bad\nname").write_text("x")
    tree = walk(tmp_path)
    assert (list(tree.files), tree.directories) == (["a/b/file"], ["a", "a/b"])
    assert [line.split(":")[0] for line in tree.problems] == ["'bad\\nname'", "a/loop", "pipe"]


# -- the stat cache ---------------------------------------------------------------------------


def test_an_untouched_file_is_read_once(tmp_path: Path) -> None:
    """A file that was quiet for a second when it was read is not read again."""
    path = tmp_path / "file"
    path.write_text("one")
    later = path.stat().st_ctime_ns + 2_000_000_000

    for expected in (1, 0):
        cache = StatCache(tmp_path / "cache.json", lambda: later)
        assert cache.answer("file", path.stat(), path.read_text) == "one"
        assert cache.computed == expected
        cache.save()


def test_a_file_read_within_a_second_of_its_change_is_read_again(tmp_path: Path) -> None:
    """Clocks tick coarsely: a second change in the same tick would look like none."""
    path = tmp_path / "file"
    path.write_text("one")
    soon = path.stat().st_ctime_ns + 10_000_000
    StatCache(tmp_path / "cache.json", lambda: soon).save()
    for _ in range(2):
        cache = StatCache(tmp_path / "cache.json", lambda: soon)
        cache.answer("file", path.stat(), path.read_text)
        assert cache.computed == 1
        cache.save()


def test_a_forged_mtime_does_not_hide_a_change(tmp_path: Path) -> None:
    """`touch -d` sets the mtime; only the kernel sets the ctime."""
    path = tmp_path / "file"
    path.write_text("one")
    before = path.stat()
    cache = StatCache(tmp_path / "cache.json", lambda: before.st_ctime_ns + 2_000_000_000)
    cache.answer("file", before, path.read_text)
    cache.save()

    path.write_text("two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    again = StatCache(tmp_path / "cache.json")
    assert again.answer("file", path.stat(), path.read_text) == "two"


def test_a_damaged_cache_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one")
    for damage in (b"", b"[1]", b'{"file": 3}', b'{"file": [[], 1]}', b"\xff"):
        (tmp_path / "cache.json").write_bytes(damage)
        cache = StatCache(tmp_path / "cache.json")
        path = tmp_path / "file"
        assert cache.answer("file", path.stat(), path.read_text) == "one"
