"""`autoagent calibrate`: a real measurement, and one number written where it belongs."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.calibrate import Step, calibrate, knee, write_concurrency
from autoagent.config import load_config
from autoagent.environments.kinds import kind_of
from autoagent.errors import ConfigError, WorkspaceBusy
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.memory import room_for
from autoagent.worker.scripted import ScriptedEngine
from autoagent.workspace.layout import open_workspace

MakeWorkspace = Callable[..., Path]


def step(concurrency: int, per_minute: float, void: int = 0) -> Step:
    trials = 100 + void
    return Step(concurrency=concurrency, trials=trials, void=void, seconds=6000 / per_minute)


def test_the_knee_is_the_least_concurrency_that_is_nearly_the_best() -> None:
    assert knee([step(1, 60), step(2, 110), step(4, 150), step(8, 155)]) == 4
    assert knee([step(1, 60), step(2, 61)]) == 1


def test_a_concurrency_at_which_trials_were_void_is_never_chosen() -> None:
    assert knee([step(1, 60), step(2, 110), step(4, 400, void=1)]) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "[benchmark]\nconcurrency = 7\n"),
        (
            "# mine\n[gate]\npasses = 3",
            "# mine\n[gate]\npasses = 3\n\n[benchmark]\nconcurrency = 7\n",
        ),
        ("[benchmark]", "[benchmark]\nconcurrency = 7\n"),
        (
            "[benchmark] # what runs\n# concurrency = 4\nattempts = 2\n[gate]\n",
            "[benchmark] # what runs\nconcurrency = 7\n# concurrency = 4\nattempts = 2\n[gate]\n",
        ),
        (
            "[benchmark]\r\nconcurrency=16 # too many\r\n",
            "[benchmark]\r\nconcurrency=7 # too many\r\n",
        ),
    ],
)
def test_writing_the_number_changes_nothing_else(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "autoagent.toml").write_bytes(before.encode())

    write_concurrency(tmp_path, 7)

    assert (tmp_path / "autoagent.toml").read_bytes().decode() == after
    assert load_config(tmp_path).benchmark.concurrency == 7


@pytest.mark.parametrize(
    "text",
    [
        "benchmark.concurrency = 4\n",
        "benchmark = {concurrency = 4}\n",
        '[benchmark]\ntasks = """\nconcurrency = 4\n"""\n',
    ],
)
def test_a_file_that_is_not_understood_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "autoagent.toml").write_text(text)

    with pytest.raises(ConfigError, match="concurrency = 7"):
        write_concurrency(tmp_path, 7)

    assert (tmp_path / "autoagent.toml").read_text() == text


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

    steps = calibrate(root, 8, print)

    assert [step.concurrency for step in steps] == [1]


@pytest.mark.slow
def test_a_calibration_measures_prints_and_writes(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    root = make_workspace({"t1": ("a", "a")}, config="[benchmark]\nattempts = 2\n")

    code, printed = autoagent("calibrate", "--workspace", root, "--most", "2")

    assert code == 0, printed
    rows = [line.split() for line in printed.splitlines()[1:-1]]
    assert [row[:2] for row in rows] in ([["1", "8"], ["2", "8"]], [["1", "8"]])
    chosen = load_config(root).benchmark
    assert chosen.concurrency in (1, 2)
    assert chosen.attempts == 2
    assert f"concurrency = {chosen.concurrency}" in printed
    (state,) = (root.parent / "state").iterdir()
    assert list((state / "runs").iterdir()) == [], "nothing of it stays"
    assert not (root / ".autoagent").exists()
