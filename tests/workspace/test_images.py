"""The images that tasks start from, frozen with them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.errors import TaskError
from autoagent.worker.host import shelf_of
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tasks.building.shelf import frozen_shelf
from autoagent.workspace.tasks.snapshot import Snapshot, take
from autoagent.workspace.tasks.variables import Host

from ..environments.sandbox.crafted import entry, layer, layout

CONFIG = '[sandbox.images]\n"small:1" = "image"\n'


def frozen(root: Path) -> Snapshot:
    workspace = open_workspace(root)
    return take(workspace, b"fixed", host=Host(shelf=shelf_of(workspace)))


def test_a_task_is_another_with_another_image_and_the_same_with_the_same(
    make_workspace: Callable[..., Path],
) -> None:
    """An image's id is frozen: a tag that moved is a new task, and the old climb keeps its own."""
    root = make_workspace({"one": ("1", "1"), "two": ("2", "2")}, config=CONFIG)
    (root / "tasks/one/environment/Dockerfile").write_text("FROM small:1\nWORKDIR /app\n")
    place = layout(root / "image", [layer([entry("x", b"1")])])
    first = frozen(root)
    assert frozen(root) == first
    assert [[*task.images] for task in first.tasks] == [["small:1"], []]

    shutil.rmtree(place)
    layout(place, [layer([entry("x", b"2")])])
    second = frozen(root)
    assert second.digest != first.digest
    digests = [[task.digest for task in each.tasks] for each in (first, second)]
    assert digests[0][0] != digests[1][0] and digests[0][1] == digests[1][1]
    for each in (first, second):
        (task, _) = each.tasks
        for name in ("small:1", "docker.io/library/small:1"):
            assert frozen_shelf(task.path / "environment").find(name) == task.images["small:1"]
            assert frozen_shelf(task.path / "tests").find(name) == task.images["small:1"]


@pytest.mark.parametrize("work", ["/usr/src/app", "/etc"])
def test_a_task_that_works_in_its_images_system_is_refused_by_name(
    make_workspace: Callable[..., Path], work: str
) -> None:
    root = make_workspace({"one": ("1", "1")}, config=CONFIG)
    layout(root / "image", [layer([entry("x", b"1")])])
    (root / "tasks/one/environment/Dockerfile").write_text(f"FROM small:1\nWORKDIR {work}\n")
    with pytest.raises(TaskError, match=f"the work directory {work} needs environment = "):
        frozen(root)
