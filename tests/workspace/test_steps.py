"""Tasks of several steps, looked at and frozen: each step is a part of the task."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.environments.kinds import kind_of
from autoagent.errors import UnknownName
from autoagent.workspace import editing
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tasks.inspect import TaskReport, freeze_task, inspect_task
from autoagent.workspace.tasks.skeleton import write_like
from autoagent.workspace.tasks.steps import Step, instruction_of, instructions_of, steps_of

from ..stepped import step, write_steps

SANDBOX = kind_of("sandbox").gives
TWO = {"one": step("alpha"), "two": step("beta")}


def looked_at(task: Path, environment: str = "sandbox") -> TaskReport:
    return inspect_task(task, kind_of(environment).gives)


def test_a_task_of_steps_is_a_task_of_the_sandbox_and_of_no_other(tmp_path: Path) -> None:
    task = tmp_path / "tasks/stepped"
    write_steps(task, TWO)

    assert looked_at(task).problems == ()
    assert looked_at(task).has_solution
    for environment in ("docker", "harbor:daytona"):
        (problem,) = looked_at(task, environment).problems
        assert problem.startswith("tasks/stepped/task.toml: steps: a task of several steps needs ")


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (
            "[steps.verifier]\ntimeout_sec = 0\n",
            "task.toml: steps.1.verifier.timeout_sec: is 0, but: must be a number of seconds",
        ),
        ('[steps.agent]\nuser = "nobody"\n', "task.toml: steps.1.agent.user: 'nobody' needs"),
        (
            "[steps.verifier.environment]\n",
            "task.toml: steps.1.verifier.environment: a step has no verifier's image of its own",
        ),
        ('[steps.agent]\nnetwork_mode = "allowlist"\n', "task.toml: steps.1.agent.network_mode: "),
        (
            '[[steps.verifier.collect]]\nservice = "db"\ncommand = "x"\n',
            "task.toml: steps.1.verifier.collect.0.service: 'db' is no service",
        ),
    ],
)
def test_what_a_step_cannot_have_is_told_with_its_key(tmp_path: Path, toml: str, told: str) -> None:
    task = tmp_path / "tasks/stepped"
    write_steps(task, {**TWO, "two": step("beta", toml=toml)})

    problems = looked_at(task).problems
    assert any(line.startswith(f"tasks/stepped/{told}") for line in problems), problems


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("steps/two/instruction.md", None, "steps/two/instruction.md: missing."),
        ("steps/two/tests/test.sh", None, "steps/two/tests/test.sh: missing."),
        ("steps/one/instruction.md", " ", "steps/one/instruction.md: is empty."),
        (
            "steps/one/tests/Dockerfile",
            "FROM autoagent-base\n",
            "steps/one/tests/Dockerfile: a step has no verifier's image of its own",
        ),
        (
            "steps/one/trajectory.json",
            "{}",
            "steps/one/trajectory.json: no harness is given what happened before",
        ),
    ],
)
def test_what_a_step_lacks_is_told_with_its_path(
    tmp_path: Path, file: str, text: str | None, told: str
) -> None:
    task = tmp_path / "tasks/stepped"
    write_steps(task, TWO)
    if text is None:
        (task / file).unlink()
    else:
        (task / file).write_text(text)

    (problem,) = looked_at(task).problems
    assert problem.startswith(f"tasks/stepped/{told}")


def test_a_verifier_and_a_solution_of_the_task_are_those_of_steps_without(tmp_path: Path) -> None:
    task = tmp_path / "tasks/stepped"
    write_steps(task, TWO, shared="echo 1 > /logs/verifier/reward.txt\n")
    for name in ("tests/test.sh", "solution/solve.sh"):
        (task / "steps/two" / name).unlink()
    assert (looked_at(task).problems, looked_at(task).has_solution) == ((), False)

    (task / "steps/two/solution").rmdir()
    (task / "solution").mkdir()
    (task / "solution/solve.sh").write_text("true\n")
    assert looked_at(task).has_solution


def test_a_frozen_task_has_its_steps_in_their_order(
    tmp_path: Path, make_workspace: Callable[..., Path]
) -> None:
    task = tmp_path / "tasks/stepped"
    later = step("beta", toml="[steps.agent]\ntimeout_sec = 5\n", **{"workdir/a.txt": "a"})
    write_steps(task, {"z": step("alpha"), "a": later}, shared="true\n")
    (task / "tests/test.py").write_text("")

    report = freeze_task(task, tmp_path / "frozen/stepped", SANDBOX, None)

    frozen = tmp_path / "frozen/stepped"
    assert report.usable, report.problems
    assert steps_of(frozen) == (Step("z", 30.0), Step("a", 5.0))
    assert [*instructions_of(frozen)] == ["steps/z/instruction.md", "steps/a/instruction.md"]
    assert instruction_of(frozen) == "Write alpha\n\n\nWrite beta\n"
    assert (frozen / "steps/a/workdir/a.txt").read_text() == "a"
    workspace = open_workspace(make_workspace())
    for path, text in (("z", b"Write alpha\n"), ("a", b"Write beta\n")):
        asked = f"tasks/stepped/steps/{path}/instruction.md"
        assert editing.read(workspace, {"stepped": frozen}, asked) == text
    for hidden in ("steps/a/tests/test.sh", "steps/a/solution/solve.sh", "instruction.md"):
        with pytest.raises(UnknownName):
            editing.read(workspace, {"stepped": frozen}, f"tasks/stepped/{hidden}")
    (task / "steps/a/workdir/a.txt").write_text("b")
    assert looked_at(task).digest != report.digest


def test_a_new_task_like_one_of_steps_has_its_environment_and_no_steps(tmp_path: Path) -> None:
    toml = "[steps.agent]\ntimeout_sec = 5\n[steps.verifier]\ntimeout_sec = 5\n"
    write_steps(tmp_path / "tasks/stepped", {**TWO, "two": step("beta", toml=toml)})
    test = b"#!/bin/bash\necho 1 > /logs/verifier/reward.txt\n"

    write_like(tmp_path / "tasks/stepped", tmp_path / "tasks/new", "What else?", test)

    assert looked_at(tmp_path / "tasks/new").problems == ()
    assert steps_of(tmp_path / "tasks/new") == ()
    assert instruction_of(tmp_path / "tasks/new") == "What else?\n"
