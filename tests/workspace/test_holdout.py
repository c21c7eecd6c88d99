"""Held-out tasks: frozen with the others, and named nowhere the meta-agent looks."""

from collections.abc import Callable
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from autoagent.errors import TaskError, UnknownName, WorkspaceError
from autoagent.workspace import editing
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks.selection import held_out, held_out_twice, unnamed
from autoagent.workspace.tasks.snapshot import Snapshot, drift, load, take

WriteTask = Callable[..., None]
FIXED = b"# === FIXED ADAPTER BOUNDARY ===\n"


@pytest.fixture
def root(tmp_path: Path, write_task: WriteTask) -> Path:
    """Tasks t1 and secret1 in the workspace, secret2 and secret3 beside it."""
    root = tmp_path / "climb"
    for place in ("climb/tasks/t1", "climb/tasks/secret1", "out/secret2", "out/secret3"):
        write_task(tmp_path / place, expected="yes", question=place)
    (root / "program.md").write_text("Improve it.\n")
    (root / "agent.py").write_text("MODEL = 1\n")
    return root


def opened(root: Path, holdout: str = "tasks = ['secret*']\ndirectory = '../out'\n") -> Workspace:
    (root / "autoagent.toml").write_text(f"[holdout]\n{holdout}")
    return open_workspace(root)


def taken(root: Path) -> tuple[Workspace, Snapshot]:
    workspace = opened(root)
    return workspace, take(workspace, FIXED)


def told(error: pytest.ExceptionInfo[WorkspaceError]) -> str:
    """A message that may reach the meta-agent, so it must name no held-out task."""
    assert "secret" not in str(error.value)
    return str(error.value)


# -- frozen -----------------------------------------------------------------------------------


@pytest.mark.rule("R1")
def test_held_out_tasks_are_frozen_beside_the_others(root: Path) -> None:
    workspace, frozen = taken(root)
    assert [task.name for task in frozen.tasks] == ["t1"]
    assert [task.name for task in frozen.holdout] == ["secret1", "secret2", "secret3"]
    assert (frozen.excluded, frozen.holdout_excluded) == ({}, {})
    for task in frozen.holdout:
        assert task.path == frozen.directory / "holdout" / task.name
        assert task.has_solution
        assert (task.path / "tests/test.sh").stat().st_mode & 0o777 == 0o555
    assert load(workspace, frozen.digest) == frozen


@pytest.mark.rule("R1")
def test_what_is_frozen_of_a_held_out_task_is_what_will_run(root: Path) -> None:
    workspace, frozen = taken(root)
    (root.parent / "out/secret2/instruction.md").write_text("something easier\n")
    assert "out/secret2" in (frozen.holdout[1].path / "instruction.md").read_text()
    assert load(workspace, frozen.digest) == frozen
    assert take(workspace, FIXED).digest != frozen.digest


def test_an_absolute_directory_is_taken_as_it_is(root: Path) -> None:
    workspace = opened(root, f"directory = '{root.parent / 'out'}'\n")
    assert [task.name for task in take(workspace, FIXED).holdout] == ["secret2", "secret3"]


def test_benchmark_only_does_not_bring_a_held_out_task_back(root: Path) -> None:
    (root / "autoagent.toml").write_text("[holdout]\ntasks = ['s*']\n[benchmark]\nonly = ['*']\n")
    frozen = take(open_workspace(root), FIXED)
    assert [task.name for task in frozen.tasks] == ["t1"]
    assert [task.name for task in frozen.holdout] == ["secret1"]


def test_an_evaluation_on_its_own_needs_no_held_out_task(root: Path) -> None:
    """`autoagent run` may be another user's, who must not read them."""
    workspace = opened(root, "tasks = ['secret*']\ndirectory = '/nowhere'\n")
    frozen = take(workspace, FIXED, holdout=False)
    assert [task.name for task in frozen.tasks] == ["t1"]
    assert frozen.holdout == ()
    assert drift(workspace, frozen) == []


def test_a_bad_held_out_task_is_left_out_where_only_the_human_looks(root: Path) -> None:
    (root.parent / "out/secret2/tests/test.sh").unlink()
    frozen = taken(root)[1]
    assert [task.name for task in frozen.holdout] == ["secret1", "secret3"]
    assert frozen.excluded == {}
    assert frozen.holdout_excluded == snapshot(
        {"secret2": "out/secret2/tests/test.sh: missing. It must write /logs/verifier/reward.txt."}
    )
    assert not (frozen.directory / "holdout/secret2").exists()


def test_when_no_held_out_task_can_be_used_there_is_no_climb(root: Path) -> None:
    for place in held_out(opened(root)).values():
        (place / "instruction.md").unlink()
    with pytest.raises(TaskError) as error:
        taken(root)
    assert told(error).startswith("None of the 3 held-out tasks can be used")
    assert list(open_workspace(root).snapshots.iterdir()) == []


@pytest.mark.parametrize("what", ["removed", "changed", "added", "directory"])
def test_a_tampered_held_out_task_is_not_used_and_not_named(root: Path, what: str) -> None:
    workspace, frozen = taken(root)
    test = frozen.holdout[0].path / "tests/test.sh"
    match what:
        case "removed":
            test.unlink()
        case "changed":
            test.chmod(0o755)
            test.write_text("echo 1 > /logs/verifier/reward.txt\n")
            test.chmod(0o555)
        case "added":
            test.with_name("conftest.py").touch()
        case _:
            test.unlink()
            (frozen.holdout[0].path / "environment/question.txt").unlink()
            (frozen.holdout[0].path / "environment/Dockerfile").unlink()
            (frozen.holdout[0].path / "environment").rmdir()
    with pytest.raises(WorkspaceError) as error:
        load(workspace, frozen.digest)
    assert told(error).startswith("holdout/…")


# -- refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holdout", "said"),
    [
        ("directory = '../gone'", "cannot be read (No such file or directory)"),
        ("directory = 'agent.py'", "cannot be read (Not a directory)"),
        ('directory = "a\\u0000b"', "embedded null"),
        ("directory = '../empty'", "holds no task"),
        ("directory = 'tasks'", "overlaps with"),
        ("directory = 'tasks/t1'", "overlaps with"),
        ("directory = ''", "overlaps with"),
        ("directory = '..'", "overlaps with"),
        ("directory = '.agent/held'", "overlaps with"),
        ("directory = '.autoagent/held'", "overlaps with"),
        ("directory = '../link'", "overlaps with"),
        ("tasks = ['secret1', 'sceret*']", "pattern 2 of holdout.tasks is no task in"),
    ],
)
def test_a_holdout_that_would_hold_nothing_out_is_refused(
    root: Path, holdout: str, said: str
) -> None:
    (root.parent / "empty/.git").mkdir(parents=True)
    (root.parent / "link").symlink_to("climb/tasks")
    for name in (".agent", ".autoagent"):
        (root / name / "held/x").mkdir(parents=True)
    with pytest.raises(WorkspaceError) as error:
        take(opened(root, holdout), FIXED)
    assert said in str(error.value)
    assert str(error.value).startswith(f"{root}/autoagent.toml: ")


def test_a_name_in_both_places_is_refused_without_being_told(root: Path) -> None:
    (root.parent / "out/secret2").rename(root.parent / "out/secret1")
    workspace = opened(root)
    with pytest.raises(WorkspaceError) as error:
        take(workspace, FIXED)
    assert f"{root}/tasks and {root}/../out (holdout.directory) both have" in told(error)
    assert "1 in all" in told(error)
    assert held_out_twice(workspace) == ["secret1"]


# -- never named ------------------------------------------------------------------------------


def test_drift_counts_files_of_held_out_tasks_and_names_none(
    root: Path, write_task: WriteTask
) -> None:
    workspace, frozen = taken(root)
    assert drift(workspace, frozen) == []
    (root / "tasks/secret1/instruction.md").write_text("easier\n")
    assert drift(workspace, frozen) == snapshot(
        [
            "held-out tasks: 1 file changed since the climb started, "
            "which goes on with what it froze."
        ]
    )
    (root.parent / "out/secret2/tests/test.sh").unlink()
    (root.parent / "out/secret3/tests/more.sh").touch()
    write_task(root / "tasks/secret9", expected="yes", question="new")
    (root / "program.md").write_text("Cheat.\n")
    assert [line.split(" since")[0] for line in drift(workspace, frozen)] == [
        "program.md: changed",
        "held-out tasks: 9 files changed",
    ]


def test_a_link_in_the_place_of_the_tasks_names_nothing_behind_it(root: Path) -> None:
    """The server's user may read what the meta-agent may not."""
    workspace, frozen = taken(root)
    (root / "tasks").rename(root / "away")
    (root / "tasks").symlink_to(root.parent / "out")
    lines = drift(workspace, frozen)
    assert {line.split(" since")[0].rpartition(": ")[2] for line in lines[:-1]} == {"removed"}
    assert not any("secret" in line for line in lines)


def test_files_of_held_out_tasks_that_differ_from_the_commit_are_counted(root: Path) -> None:
    workspace = opened(root, "tasks = ['secret*']\ndirectory = './more/../held'\n")
    paths = ["a.py", "tasks/secret1/x", "tasks/t1/x", "held/other/x", "heldout/x", "tasks/loose"]
    assert unnamed(workspace, paths) == [
        "a.py",
        "tasks/t1/x",
        "heldout/x",
        "tasks/loose",
        "2 files of held-out tasks",
    ]
    assert unnamed(workspace, ["a.py"]) == ["a.py"]


def test_a_dirty_held_out_task_is_not_named_by_start_climb(
    make_workspace: Callable[..., Path],
) -> None:
    root = make_workspace(config="[holdout]\ntasks = ['t4']\n")
    projection = Projection(open_workspace(root))
    head = projection.clean_head("night")
    (root / "tasks/t4/instruction.md").write_text("easier\n")
    assert projection.changed_elsewhere(head) == ["1 file of held-out tasks"]
    with pytest.raises(WorkspaceError, match="dirty: 1 file of held-out tasks differ from HEAD"):
        projection.clean_head("night")


@pytest.mark.parametrize(
    "path",
    [
        "tasks/{}/instruction.md",
        "holdout/{}/instruction.md",
        "../out/{}/instruction.md",
        ".agent/link/{}/instruction.md",
        ".agent/../tasks/{}/instruction.md",
        "{root}/tasks/{}/instruction.md",
    ],
)
def test_a_held_out_task_is_as_unknown_as_one_that_is_not_there(root: Path, path: str) -> None:
    workspace, frozen = taken(root)
    (root / ".agent").mkdir()
    for place in (root / "tasks", root.parent / "out"):
        link = root / ".agent/link"
        link.unlink(missing_ok=True)
        link.symlink_to(place)
        seen = {task.name: task.path for task in frozen.tasks}
        refusals: list[str] = []
        for name in ("secret1", "secret2", "missing"):
            asked = path.format(name, root=root)
            with pytest.raises(UnknownName) as error:
                editing.read(workspace, seen, asked)
            refusals.append(str(error.value).replace(name, "…"))
        assert len(set(refusals)) == 1
    assert editing.read(workspace, seen, "tasks/t1/instruction.md")


def test_a_note_behind_a_link_is_not_read_or_written(root: Path) -> None:
    """A link below `.agent/` leads the server to what the meta-agent may not read."""
    workspace = opened(root)
    (root / ".agent").symlink_to("tasks")
    with pytest.raises(UnknownName):
        editing.read(workspace, {}, ".agent/secret1/instruction.md")
    with pytest.raises(UnknownName):
        editing.edit(workspace, ".agent/secret1/x", "", "text", FIXED)
    assert not (root / "tasks/secret1/x").exists()
