"""Variables of the host that tasks name: what `run` does without one, and what doctor says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeWorkspace = Callable[..., Path]


def add(task: Path, *lines: str) -> None:
    with (task / "task.toml").open("a") as file:
        file.write("\n".join(("", *lines, "")))


@pytest.mark.slow
def test_run_leaves_out_a_task_whose_variable_is_not_set_and_measures_the_others(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    root = make_workspace({"has": ("q", "q"), "lacks": ("q", "q")})
    add(root / "tasks/has", "[environment.env]", 'WORD = "${WORD}"')
    add(root / "tasks/lacks", "[environment.env]", 'FOO = "${FOO}"')
    (root / ".env").write_text("WORD=in-a-file-of-its-own\n")

    code, printed = autoagent("run", "--workspace", root)

    assert code == 0 and "1/1 passed" in printed, printed
    assert "'FOO' not found in host environment" in " ".join(printed.split())


def test_doctor_says_which_variables_are_set_where_and_which_are_missing(
    autoagent: Any, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE", "the first value")
    root = make_workspace({"t": ("q", "q")}, config='[variables]\nTHREE = "3"\n')
    (root / ".env").write_text("TWO=the second value\n")
    wanted = [f'{name} = "${{{name}}}"' for name in ("ONE", "TWO", "THREE", "FOUR")]
    add(root / "tasks/t", "[environment.env]", *wanted)

    _, found = autoagent.json("doctor", "--workspace", root)

    rows = {row["name"]: row for row in found["checks"]}
    told = "FOUR: missing; ONE: environment; THREE: autoagent.toml; TWO: .env"
    assert (rows["variables"]["state"], rows["variables"]["detail"]) == ("note", told)
    assert "'FOUR' not found in host environment" in rows["task t"]["detail"]
    assert "value" not in rows["variables"]["detail"]
