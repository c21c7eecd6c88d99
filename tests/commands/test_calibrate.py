"""`autoagent calibrate`: a real measurement, and one number to put where it belongs."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.calibrate import Rate, calibrate, knee
from autoagent.commands.before.doctor import examine
from autoagent.commands.before.rows import Check
from autoagent.config import load_config
from autoagent.environments.kinds import kind_of
from autoagent.errors import WorkspaceBusy
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.memory import room_for
from autoagent.worker.scripted import ScriptedEngine
from autoagent.workspace.layout import open_workspace

MakeWorkspace = Callable[..., Path]


def rate(concurrency: int, per_minute: float, void: int = 0) -> Rate:
    trials = 100 + void
    return Rate(concurrency=concurrency, trials=trials, void=void, seconds=6000 / per_minute)


def test_the_knee_is_the_least_concurrency_that_is_nearly_the_best() -> None:
    assert knee([rate(1, 60), rate(2, 110), rate(4, 150), rate(8, 155)]) == 4
    assert knee([rate(1, 60), rate(2, 61)]) == 1


def test_a_concurrency_at_which_trials_were_void_is_never_chosen() -> None:
    assert knee([rate(1, 60), rate(2, 110), rate(4, 400, void=1)]) == 2


def test_the_memory_has_room_for_as_many_as_the_largest_task_fits_in(tmp_path: Path) -> None:
    tasks = {"small": "memory_mb = 512", "large": "memory_mb = 4096", "silent": ""}
    for name, said in tasks.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "task.toml").write_text(f"[environment]\n{said}\n")

    def room(*names: str, gigabytes: int = 16) -> int:
        return room_for([tmp_path / name for name in names], gigabytes * 2**30)

    assert room("small") == 32
    assert room("silent", "small") == 8, "2048 where a task does not say"
    assert room("small", "large", "silent") == 4
    assert room("large", gigabytes=1) == 1, "one is always tried"


def test_only_this_machines_memory_bounds_and_not_a_providers() -> None:
    assert kind_of("harbor:daytona").memory_bytes() is None
    assert (kind_of("sandbox").memory_bytes() or 0) > 2**28


def test_a_climb_under_way_is_not_disturbed(
    autoagent: Any, workspace: Path, open_referee: Callable[[Engine], Referee]
) -> None:
    referee = open_referee(ScriptedEngine({}))
    with pytest.raises(WorkspaceBusy, match="Another process referees this workspace"):
        calibrate(workspace, 1, print)
    referee.start_climb("night")
    referee.close()
    before = (workspace / "autoagent.toml").exists()

    code, printed = autoagent("calibrate", "--workspace", workspace)

    assert code != 0
    assert "The climb night is under way, and its configuration is frozen." in printed
    assert (workspace / "autoagent.toml").exists() == before


@pytest.mark.parametrize("place", ["evaluations/e1", "runs/1/evaluations/run1"])
def test_an_evaluation_that_is_running_is_not_disturbed(workspace: Path, place: str) -> None:
    """A worker outlives its server, and `autoagent run` has none."""
    directory = open_workspace(workspace).state / place
    directory.mkdir(parents=True)
    with (directory / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        with pytest.raises(WorkspaceBusy, match=f"{place} is being measured"):
            calibrate(workspace, 1, print)


@pytest.mark.slow
def test_no_more_is_tried_than_the_memory_has_room_for(make_workspace: MakeWorkspace) -> None:
    root = make_workspace({"t1": ("a", "a")})
    task = root / "tasks/t1/task.toml"
    megabytes = (kind_of("sandbox").memory_bytes() or 0) // 2**20
    task.write_text(f"{task.read_text()}memory_mb = {megabytes // 2 + 1}\n")

    rates = calibrate(root, 8, print)

    assert [rate.concurrency for rate in rates] == [1]


@pytest.mark.slow
def test_a_calibration_measures_and_prints_what_to_write(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    root = make_workspace({"t1": ("a", "a")}, config="[gate]\npruning = true\n")
    before = (root / "autoagent.toml").read_text()

    code, printed = autoagent("calibrate", "--workspace", root, "--most", "2")

    assert code == 0, printed
    table, _, lines = printed.partition("Put this into ")
    rows = [row.split() for row in table.splitlines()[1:]]
    assert [row[:2] for row in rows] in ([["1", "8"], ["2", "8"]], [["1", "8"]])
    assert (root / "autoagent.toml").read_text() == before
    (root / "autoagent.toml").write_text(before + lines.partition("\n")[2])
    assert load_config(root).benchmark.concurrency in (1, 2)
    (state,) = (root.parent / "state").iterdir()
    assert list((state / "runs").iterdir()) == [], "nothing of it stays"
    assert [path.name for path in (root / ".autoagent").iterdir()] == ["state.json"]


@pytest.mark.slow
def test_a_gate_is_advised_before_the_rules_are_frozen(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    """A harness without luck needs one pass; the line to write is told, and nothing is left."""
    root = make_workspace(
        {"t1": ("a", "a"), "t2": ("b", "c")}, config='[gate]\nrule = "posterior"\n'
    )
    code, said = autoagent("calibrate", "--gate", "--workspace", root)
    assert code == 0, said
    assert "agree on all 2 trials" in said
    assert 'write rule = "strict" below [gate]' in said
    assert not [*open_workspace(root).state.glob("runs/*")]


def test_doctor_tells_what_the_last_baseline_advises(
    workspace: Path, climbed: Callable[..., None]
) -> None:
    def row() -> Check:
        return next(check for check in examine(workspace) if check.name == "gate")

    assert "`autoagent calibrate --gate` measures" in row().detail
    climbed(workspace)
    assert (row().state, "is the gate for that" in row().detail) == ("ok", True)
    (workspace / "autoagent.toml").write_text('[gate]\nrule = "anytime"\n')
    assert row().state == "note"
    assert 'write rule = "strict" below [gate]' in row().detail
