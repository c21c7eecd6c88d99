"""`autoagent calibrate`: a real measurement, and one number written where it belongs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.calibrating import Step, knee, write_concurrency
from autoagent.config import load_config
from autoagent.errors import ConfigError

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
