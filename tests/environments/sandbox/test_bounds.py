"""What one trial may use of the machine is bounded, and its end is nobody else's."""

from pathlib import Path
from typing import Any

import pytest

from autoagent.environments.sandbox import cgroups
from autoagent.environments.sandbox.storage import NOTICED_BYTES, Storage, StorageExceeded

from ...acting import acting, acts_of

pytestmark = pytest.mark.slow

Bench = Any  # tests/benchmark/conftest.py


@pytest.mark.attack(
    "A8.13", ending="score 0", what="fork bombs, in the harness and in the environment"
)
@pytest.mark.attack("A8.14", ending="score 0", what="takes all the memory, /dev/shm too")
@pytest.mark.attack("A8.15", ending="score 0", what="fills the disk, by commands and by uploads")
async def test_what_a_trial_uses_too_much_of_ends_inside_it(bench: Bench) -> None:
    """Fork bombs, memory and disk, by the harness and by its commands (threat A8)."""
    if why := cgroups.why_not():
        pytest.skip(f"memory and processes cannot be bounded here: {why}")
    tasks = {word: word for word in acts_of("takes_too_much")}
    spec = bench.spec(acting("takes_too_much"), tasks, trial_timeout_seconds=40)
    for task in spec.tasks:
        settings = task.path / "task.toml"
        bounds = "[environment]\nmemory_mb = 640\nstorage_mb = 128\n"
        settings.write_text(settings.read_text().replace("[environment]\n", bounds))
    trials = await bench.finish(spec)
    said = {name: f"{trial.outcome}: {trial.detail}" for name, trial in trials.items()}
    assert said.pop("fine") == "passed: "
    assert "temporarily unavailable" in said.pop("forks")
    ended = "crashed: the harness process ended without a result: "
    assert said.pop("remembers") == f"{ended}it used up its memory, of which it has 2 GiB"
    assert "No space left" in said.pop("shared_memory")
    assert "temporarily unavailable" in said.pop("task_forks")
    assert said.pop("task_remembers").startswith("crashed: AssertionError: exit 137")
    for word in ("fills_the_disk", "uploads_the_disk_full"):
        assert "the trial wrote more than its storage of 128 MB" in said.pop(word)
    assert said == {}
    home = cgroups.find()
    assert not isinstance(home, str)
    cgroups.sweep()  # as the next worker does: what died slowly was left to it
    mine = f"{cgroups.PREFIX}{(spec.directory / 'worker.pid').read_text()}."
    assert [left for place in home.places for left in place.glob(f"{mine}*")] == []


def test_storage_is_measured_when_the_disk_shrinks_and_stays_exceeded(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    storage = Storage(root, NOTICED_BYTES)
    storage.check()
    (root / "much").write_bytes(b"x" * (2 * NOTICED_BYTES + 4096))
    with pytest.raises(StorageExceeded, match="storage of 32 MB"):
        storage.check()
    (root / "much").unlink()
    with pytest.raises(StorageExceeded):
        storage.check()


V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
36 31 0:32 {root} {target}/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:36 / {target}/pids rw,relatime - cgroup cgroup rw,pids
"""


def test_the_first_version_has_a_directory_for_each_controller(tmp_path: Path) -> None:
    (tmp_path / "memory/job").mkdir(parents=True)
    (tmp_path / "pids").mkdir()
    found = cgroups.read_home(
        "8:pids:/\n4:memory:/api/job\n0::/\n", V1.format(root="/api", target=tmp_path)
    )
    assert found == cgroups.Home(
        {tmp_path / "memory/job": ["memory"], tmp_path / "pids": ["pids"]}, unified=False
    )


def test_the_second_version_has_one_that_hands_both_controllers_down(tmp_path: Path) -> None:
    own = tmp_path / "user.slice/app.slice/editor.scope"
    own.mkdir(parents=True)
    mount = f"31 23 0:28 / {tmp_path} rw,relatime - cgroup2 cgroup2 rw\n"
    for place in (own, own.parent, own.parent.parent):
        (place / "cgroup.procs").touch()
        (place / "cgroup.subtree_control").write_text("memory pids" if place != own else "")
    group = "0::/user.slice/app.slice/editor.scope\n"
    assert cgroups.read_home(group, mount) == cgroups.Home(
        {own.parent: cgroups.CONTROLLERS}, unified=True
    )
    for place in (own.parent, own.parent.parent):
        (place / "cgroup.subtree_control").write_text("pids")
    refused = cgroups.read_home(group, mount)
    assert refused == f"no group above {own} hands its memory and pids controllers to this user"
