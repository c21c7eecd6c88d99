"""`autoagent adopt`: what can be used is copied under a safe name; the rest says why not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

MakeWorkspace = Callable[..., Path]


def foreign(place: Path, write_task: Callable[..., None], *, image: str = "autoagent-base") -> None:
    write_task(place, expected="a", question="q")
    toml = place / "task.toml"
    toml.write_text(toml.read_text().replace(f"local/{place.name}", "theirs/task"))
    dockerfile = place / "environment/Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace("autoagent-base", image))


def test_what_can_be_used_is_copied_and_the_rest_is_told_by_environment(
    autoagent: Any, make_workspace: MakeWorkspace, write_task: Callable[..., None], tmp_path: Path
) -> None:
    root, there = make_workspace({"t1": ("q", "q")}), tmp_path / "theirs"
    foreign(there / "set one/sort words", write_task)
    foreign(there / "set one/same", write_task)
    foreign(there / "two/same", write_task)
    foreign(there / "two/t1", write_task)
    foreign(there / "two/real image", write_task, image="python:3.13-slim")
    (there / "two/t1/tests/again").symlink_to("test.sh")
    (there / "two/broken").mkdir()
    (there / "two/broken/task.toml").write_text("= nothing\n")

    code, found = autoagent.json("adopt", there, "--workspace", root)

    assert code == 0
    tasks = {task["source"]: task for task in found["tasks"]}
    said = {source: (task["name"], task["state"]) for source, task in tasks.items()}
    assert said == {
        "set one/same": ("same", "copied"),
        "set one/sort words": ("sort-words", "copied"),
        "two/broken": ("broken", "left"),
        "two/real image": ("real-image", "left"),
        "two/same": ("two-same", "copied"),
        "two/t1": ("t1", "left"),
    }
    assert "needs the image python:3.13-slim" in tasks["two/real image"]["problems"]["sandbox"][0]
    assert tasks["two/real image"]["problems"]["docker"] == []
    assert "another is at" in tasks["two/t1"]["why"]
    assert all("task.toml" in line for line in tasks["two/broken"]["problems"]["docker"][:1])
    assert {path.name for path in (root / "tasks").iterdir()} == {
        *("t1", "same", "sort-words", "two-same"),
    }
    _, again = autoagent.json("adopt", there / "set one", "--workspace", root)
    assert [task["state"] for task in again["tasks"]] == ["there", "there"]
    code, printed = autoagent("adopt", there, "--look", "--workspace", root)
    assert code == 0 and "docker: runs" in printed and "sort words" in printed


def test_a_directory_without_a_task_is_refused(
    autoagent: Any, make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    root = make_workspace()
    for place in (tmp_path / "nothing", root):
        code, printed = autoagent("adopt", place, "--workspace", root)
        assert code == 2 and str(place) in printed
