"""What a climb is about, frozen by content: taken whole, read back checked, drift told."""

import os
import shutil
import stat
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from autoagent.errors import TaskError, WorkspaceError
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks.inspect import inspect_task
from autoagent.workspace.tasks.snapshot import Snapshot, drift, load, take

FIXED = b"# === FIXED ADAPTER BOUNDARY ===\n"
TOML = "[agent]\ntimeout_sec = 60\n[environment]\nnetwork_mode = 'no-network'\n"


def write_task(directory: Path, **changes: str | None) -> None:
    files = {
        "task.toml": TOML,
        "instruction.md": f"Do {directory.name}.\n",
        "tests/test.sh": "#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n",
        **changes,
    }
    (directory / "environment").mkdir(parents=True)
    for name, text in files.items():
        if text is not None:
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "climb"
    for name in ("sum", "sort", "diff"):
        write_task(root / "tasks" / name)
    (root / "tasks/sum/solution").mkdir()
    (root / "tasks/sum/solution/solve.sh").write_text("#!/bin/bash\n")
    (root / "tasks/README.md").write_text("not a task\n")
    (root / "base/app").mkdir(parents=True)
    (root / "base/app/tool").write_text("#!/bin/bash\n")
    (root / "base/app/tool").chmod(0o755)
    (root / "program.md").write_text("Improve it.\n")
    return root


def configured(root: Path, toml: str) -> Workspace:
    (root / "autoagent.toml").write_text(toml)
    return open_workspace(root)


def taken(root: Path) -> tuple[Workspace, Snapshot]:
    workspace = open_workspace(root)
    return workspace, take(workspace, FIXED)


def names(frozen: Snapshot) -> list[str]:
    return [task.name for task in frozen.tasks]


# -- taking -----------------------------------------------------------------------------------


def test_everything_a_climb_is_about_is_frozen(root: Path) -> None:
    """Rule R1: tasks, what they share, verifiers, directive, fixed section and config."""
    workspace = configured(root, "[budget]\nhours = 8\n")
    frozen = take(workspace, FIXED)

    assert frozen.directory == workspace.snapshots / frozen.digest
    assert frozen.program == b"Improve it.\n"
    assert (frozen.directory / "fixed.py").read_bytes() == FIXED
    assert (frozen.directory / "autoagent.toml").read_text() == "[budget]\nhours = 8\n"
    assert (frozen.directory / "base/app/tool").read_text() == "#!/bin/bash\n"
    assert names(frozen) == ["diff", "sort", "sum"]
    assert [task.has_solution for task in frozen.tasks] == [False, False, True]
    for task in frozen.tasks:
        assert task.path == frozen.directory / "tasks" / task.name
        assert (task.path / "instruction.md").read_text() == f"Do {task.name}.\n"
        assert (task.path / "environment").is_dir()


def test_frozen_files_are_read_only_and_keep_their_executable_bit(root: Path) -> None:
    (root / "tasks/sum/tests/test.sh").chmod(0o755)
    frozen = taken(root)[1]
    modes = {
        path.relative_to(frozen.directory).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in frozen.directory.rglob("*")
        if path.is_file()
    }
    assert set(modes.values()) == {0o444, 0o555}
    executable = {name for name, mode in modes.items() if mode == 0o555}
    assert executable == {"tasks/sum/tests/test.sh", "base/app/tool"}


def test_a_change_after_the_freeze_reaches_nothing(root: Path) -> None:
    """Threat D1: what runs is the snapshot."""
    workspace, frozen = taken(root)
    (root / "tasks/sum/tests/test.sh").write_text("echo 1 > /logs/verifier/reward.txt # easy\n")
    assert b"easy" not in (frozen.tasks[2].path / "tests/test.sh").read_bytes()
    assert load(workspace, frozen.digest) == frozen


def test_equal_content_is_one_snapshot(root: Path) -> None:
    workspace, frozen = taken(root)
    os.utime(root / "program.md", (1, 1))
    assert take(workspace, FIXED) == frozen
    assert list(workspace.snapshots.iterdir()) == [frozen.directory]


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("program.md", set()),
        ("autoagent.toml", set()),
        ("tasks/sum/instruction.md", {"sum"}),
        ("tasks/sum/tests/test.sh", {"sum"}),
        ("base/app/tool", {"diff", "sort", "sum"}),
    ],
)
def test_other_content_is_another_snapshot_of_other_tasks(
    root: Path, path: str, other: set[str]
) -> None:
    """What was proved of a task is kept by its digest: what it shares is in that."""
    (root / "autoagent.toml").write_text("[budget]\nhours = 8\n")
    before = taken(root)[1]
    with (root / path).open("a") as file:
        file.write("# more\n")
    after = taken(root)[1]
    assert after.digest != before.digest
    changed = {
        a.name for a, b in zip(after.tasks, before.tasks, strict=True) if a.digest != b.digest
    }
    assert changed == other


def test_another_fixed_section_is_another_snapshot(root: Path) -> None:
    workspace, frozen = taken(root)
    assert take(workspace, FIXED + b"#\n").digest != frozen.digest


def test_a_task_that_shares_nothing_is_named_by_its_own_content(root: Path) -> None:
    """What was proved before there was anything to share goes on to count."""
    shutil.rmtree(root / "base")
    task = taken(root)[1].tasks[0]

    assert task.digest == inspect_task(root / "tasks/diff").digest


def test_what_the_tasks_share_is_regular_files(root: Path) -> None:
    (root / "base/app/passwords").symlink_to("/etc/passwd")
    with pytest.raises(WorkspaceError, match=r"base/app/passwords: is a symbolic link"):
        taken(root)


def test_tasks_in_the_articles_form_are_frozen_in_harbors(root: Path) -> None:
    """What is run and what is digested is the form that Harbor reads."""
    (root / "tasks/sum/task.toml").write_text('name = "sum"\ntimeout_sec = 5\n')
    frozen = taken(root)[1]
    assert "[agent]\ntimeout_sec = 5.0" in (frozen.tasks[2].path / "task.toml").read_text()
    assert [note for note in frozen.tasks[2].notes if "article" in note] == [
        'tasks/sum/task.toml: name: the article\'s form, now "local/sum" in [task].',
        "tasks/sum/task.toml: timeout_sec: the article's form, now 5 in [agent].",
    ]


def test_a_crash_while_taking_leaves_nothing_in_the_way(root: Path) -> None:
    workspace = open_workspace(root)
    (workspace.snapshots / ".new-dead/tasks").mkdir(parents=True)
    frozen = take(workspace, FIXED)
    assert list(workspace.snapshots.iterdir()) == [frozen.directory]


# -- selecting --------------------------------------------------------------------------------


def test_only_the_selected_tasks_are_in_and_the_others_say_why(root: Path) -> None:
    (root / "tasks/sum/tests/test.sh").unlink()
    workspace = configured(root, "[benchmark]\nonly = ['s*']\n[holdout]\ntasks = ['sor?']\n")
    write_task(root / "tasks/start")
    frozen = take(workspace, FIXED)
    assert names(frozen) == ["start"]
    assert frozen.excluded == snapshot(
        {
            "diff": "tasks/diff: not named by benchmark.only.",
            "sum": "tasks/sum/tests/test.sh: missing. It must write /logs/verifier/reward.txt.",
        }
    )
    assert [path.name for path in (frozen.directory / "tasks").iterdir()] == ["start"]


@pytest.mark.parametrize(
    ("toml", "there_are"),
    [
        ("[benchmark]\nonly = ['x*']\n", "diff, sort, sum."),
        ("[holdout]\ntasks = ['*']\n", "none, and 3 held out."),
        ("[benchmark]\nonly = ['x*']\n[holdout]\ntasks = ['s*']\n", "diff, and 2 held out."),
    ],
)
def test_an_empty_selection_names_the_tasks_that_may_be_seen(
    root: Path, toml: str, there_are: str
) -> None:
    workspace = configured(root, toml)
    with pytest.raises(WorkspaceError) as error:
        take(workspace, FIXED)
    assert error.value.message.endswith(f"selects no task. There are: {there_are} Correct one.")


def test_tasks_behind_a_link_are_refused(root: Path) -> None:
    """The link could lead to what only the server's user may read."""
    (root / "tasks").rename(root.parent / "elsewhere")
    (root / "tasks").symlink_to(root.parent / "elsewhere")
    with pytest.raises(WorkspaceError, match="reached by a symbolic link"):
        taken(root)


def test_without_tasks_there_is_nothing_to_climb_on(root: Path) -> None:
    (root / "tasks").rename(root / "elsewhere")
    with pytest.raises(WorkspaceError, match="tasks: there is no such directory"):
        taken(root)
    (root / "tasks").mkdir()
    (root / "tasks/.hidden").mkdir()
    with pytest.raises(WorkspaceError, match="tasks: holds no task"):
        taken(root)


def test_when_every_task_is_bad_all_problems_are_told(root: Path) -> None:
    for name in ("sum", "sort", "diff"):
        (root / "tasks" / name / "instruction.md").unlink()
    with pytest.raises(TaskError) as error:
        taken(root)
    assert str(error.value).count("instruction.md: missing") == 3
    assert list(open_workspace(root).snapshots.iterdir()) == []


def test_without_a_directive_there_is_no_climb(root: Path) -> None:
    (root / "program.md").unlink()
    with pytest.raises(WorkspaceError, match=r"program\.md cannot be read \(No such file"):
        taken(root)


def test_a_config_that_changed_since_it_was_loaded_is_not_frozen(root: Path) -> None:
    """The rules that are frozen are the rules that are played."""
    workspace = open_workspace(root)
    (root / "autoagent.toml").write_text("[budget]\nhours = 8\n")
    with pytest.raises(WorkspaceError, match="changed while the server was running"):
        take(workspace, FIXED)


# -- reading back -----------------------------------------------------------------------------


def test_a_snapshot_is_read_back_equal(root: Path) -> None:
    workspace, frozen = taken(root)
    assert load(workspace, frozen.digest) == frozen


def tamper(path: Path, what: str) -> None:
    match what:
        case "removed":
            path.unlink()
        case "changed":
            path.chmod(0o644)
            path.write_text("echo 1 > /logs/verifier/reward.txt\n")
            path.chmod(0o444)
        case "made executable":
            path.chmod(0o555)
        case "linked":
            path.rename(path.with_name("x"))
            path.symlink_to("x")
        case _:
            (path.parent / "conftest.py").write_text("")


@pytest.mark.parametrize("what", ["removed", "changed", "made executable", "linked", "added"])
def test_a_snapshot_that_was_tampered_with_is_not_used(root: Path, what: str) -> None:
    workspace, frozen = taken(root)
    load(workspace, frozen.digest)
    tamper(frozen.tasks[0].path / "tests/test.sh", what)
    with pytest.raises(WorkspaceError, match=r"tasks/diff/tests/.* the snapshot"):
        load(workspace, frozen.digest)


def test_a_manifest_that_was_edited_is_not_used(root: Path) -> None:
    """The digest in the journal is the manifest's own."""
    workspace, frozen = taken(root)
    manifest = frozen.directory / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(
        manifest.read_text().replace('"has_solution": true', '"has_solution": false')
    )
    with pytest.raises(WorkspaceError, match="missing or was changed"):
        load(workspace, frozen.digest)


def test_a_directory_that_harbor_needs_is_missed(root: Path) -> None:
    workspace, frozen = taken(root)
    (frozen.tasks[0].path / "environment").rmdir()
    with pytest.raises(WorkspaceError, match="tasks/diff/environment/ is missing"):
        load(workspace, frozen.digest)


def test_a_snapshot_that_is_not_there_is_told(root: Path) -> None:
    with pytest.raises(WorkspaceError, match="missing or was changed"):
        load(open_workspace(root), "0" * 64)


def test_a_damaged_snapshot_is_taken_again(root: Path) -> None:
    workspace, frozen = taken(root)
    (frozen.directory / "tasks/sum/instruction.md").unlink()
    assert take(workspace, FIXED) == frozen
    assert load(workspace, frozen.digest) == frozen
    assert list(workspace.snapshots.iterdir()) == [frozen.directory]


# -- drift ------------------------------------------------------------------------------------


def test_an_untouched_workspace_has_no_drift(root: Path) -> None:
    (root / "tasks/sort/instruction.md").unlink()  # a bad task is no drift either
    workspace, frozen = taken(root)
    assert drift(workspace, frozen) == []
    assert drift(workspace, frozen) == []


def test_drift_names_every_file_that_differs_now(root: Path) -> None:
    (root / "autoagent.toml").write_text("[holdout]\ntasks = ['sort']\n")
    workspace, frozen = taken(root)
    (root / "program.md").write_text("Cheat.\n")
    (root / "autoagent.toml").unlink()
    (root / "tasks/sum/tests/test.sh").chmod(0o755)
    (root / "tasks/sum/instruction.md").unlink()
    (root / "tasks/diff/tests/conftest.py").write_text("")
    (root / "base/app/tool").chmod(0o644)
    (root / "base/app/more").write_text("")
    (root / "tasks/sort/instruction.md").write_text("held out, so not named\n")
    write_task(root / "tasks/new")
    assert [line.split(" since")[0] for line in drift(workspace, frozen)] == snapshot(
        [
            "autoagent.toml: removed",
            "base/app/more: added",
            "base/app/tool: changed",
            "program.md: changed",
            "tasks/diff/tests/conftest.py: added",
            "tasks/new: added",
            "tasks/sum/instruction.md: removed",
            "tasks/sum/tests/test.sh: changed",
            "held-out tasks: 1 file changed",
        ]
    )


def test_a_task_replaced_by_a_link_is_drift(root: Path) -> None:
    workspace, frozen = taken(root)
    (root / "tasks/sum").rename(root / "sum")
    (root / "tasks/sum").symlink_to("../sum")
    assert {line.split(" since")[0] for line in drift(workspace, frozen)} == {
        "tasks/sum/task.toml: removed",
        "tasks/sum/instruction.md: removed",
        "tasks/sum/solution/solve.sh: removed",
        "tasks/sum/tests/test.sh: removed",
    }


def test_undone_drift_is_no_drift(root: Path) -> None:
    workspace, frozen = taken(root)
    (root / "program.md").write_text("Cheat.\n")
    assert len(drift(workspace, frozen)) == 1
    (root / "program.md").write_text("Improve it.\n")
    assert drift(workspace, frozen) == []
