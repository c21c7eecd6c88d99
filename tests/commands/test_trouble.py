"""What cannot work is said before the night, by doctor, start_climb and run alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.doctor import examine
from autoagent.errors import AutoAgentError
from autoagent.referee.referee import Referee
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.scripted import ScriptedEngine

from ..conftest import git
from ..referee.playing import settle

MakeWorkspace = Callable[..., Path]


@pytest.mark.parametrize(
    ("trouble", "row", "told"),
    [
        ("no key", "model", "gpt-5 is a model of openai's, and there is no OPENAI_API_KEY"),
        ("no package", "harness", "agent.py:3 imports no_such_sdk, which is not installed"),
        ("no environment", "environment", "harbor:nope"),
        (
            "no limit",
            "model",
            "each call reserves $1.29 or so, and budget.dollars_per_trial is 0.05",
        ),
        ("high limit", "model", "Set a limit of 2,500 tokens or less in agent.py"),
    ],
)
def test_what_doctor_fails_start_climb_and_run_refuse_in_the_same_words(
    autoagent: Any,
    make_workspace: MakeWorkspace,
    harness_source: str,
    monkeypatch: pytest.MonkeyPatch,
    trouble: str,
    row: str,
    told: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if "limit" in trouble:
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    pinned = 'MODEL = "gpt-5"'
    changes = {
        "no limit": ('MODEL = "rules"', pinned),
        "high limit": ('MODEL = "rules"', f"{pinned}\nASKED = {{'max_tokens': 9000}}"),
        "no key": ('MODEL = "rules"', 'MODEL = "gpt-5"'),
        "no package": ("import time\n", "import no_such_sdk\nimport time\n"),
    }.get(trouble, ("", ""))
    config = {
        "no environment": '[benchmark]\nenvironment = "harbor:nope"\n',
        "no limit": "[budget]\ndollars_per_trial = 0.05\n",
        "high limit": "[budget]\ndollars_per_trial = 0.05\n",
    }.get(trouble, "")
    root = make_workspace(harness=harness_source.replace(*changes), config=config)

    (failing,) = [check for check in examine(root) if check.name == row]
    code, printed = autoagent("run", "--workspace", root)
    referee = Referee.open(root, DetachedEngine(root.parent / "evaluations"))
    with pytest.raises(AutoAgentError) as refused:
        referee.start_climb("night")
    referee.close()

    assert failing.state == "fail"
    assert told in failing.detail
    assert (code, told in printed, told in str(refused.value)) == (2, True, True)


def test_a_stop_file_is_told_by_all_three(autoagent: Any, workspace: Path) -> None:
    (workspace / "STOP").touch()
    (noted,) = [check for check in examine(workspace) if check.name == "program"]
    code, printed = autoagent("run", "--workspace", workspace)
    referee = Referee.open(workspace, ScriptedEngine({}))
    with pytest.raises(AutoAgentError, match="STOP"):
        referee.start_climb("night")
    referee.close()
    assert "STOP is there" in noted.detail
    assert (code, "STOP" in printed) == (2, True)


@pytest.mark.slow
def test_a_dockerfile_that_cannot_be_built_is_told_with_the_builders_last_lines(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    root = make_workspace({"t1": ("a", "a")})
    with (root / "tasks/t1/environment/Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN echo why it failed && exit 7\n")
    git(root, "commit", "-qam", "broken")
    code, printed = autoagent("run", "--workspace", root)
    assert code == 1
    told = "tasks/t1/environment/Dockerfile: `RUN echo why it failed && exit 7` exited 7"
    assert told in printed
    assert "why it failed" in printed.split(told)[1]
    (builds,) = [check for check in examine(root) if check.name == "builds"]
    assert builds.state == "fail"
    assert "why it failed" in builds.detail.split(told)[1]


@pytest.mark.slow
def test_doctor_builds_only_what_has_commands_and_says_that_they_worked(
    make_workspace: MakeWorkspace,
) -> None:
    root = make_workspace({name: ("a", "a") for name in ("t1", "t2")})
    assert not [check for check in examine(root) if check.name == "builds"]
    with (root / "tasks/t1/environment/Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN echo hello\n")
    git(root, "commit", "-qam", "a command")
    (builds,) = [check for check in examine(root) if check.name == "builds"]
    assert (builds.state, builds.detail) == (
        "ok",
        "1 Dockerfile with commands, built in the sandbox",
    )


def test_a_task_whose_probe_was_void_is_left_out_with_what_spoilt_it(workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine({}, oracle={"t1": [None]}))
    referee.start_climb("night")
    with pytest.raises(AutoAgentError, match="No task can be used") as refused:
        settle(referee)
    trials = [t for e in ("e1", "e2") for t in referee.evaluation(e).trials if t.task == "t1"]
    referee.close()
    assert trials[-1].detail in str(refused.value)


def test_a_budget_that_no_night_can_begin_with_is_told_with_the_smallest_that_works(
    make_workspace: MakeWorkspace,
) -> None:
    """2 passes and 3 x 2 of the certification, of 4 tasks, 3 tries each: 96 trials."""
    root = make_workspace(config="[budget]\ndollars = 20\ndollars_per_trial = 0.5\n")
    (row,) = [check for check in examine(root) if check.name == "budget"]
    referee = Referee.open(root, ScriptedEngine({}))
    with pytest.raises(AutoAgentError, match="Set budget.dollars to 48 or more") as refused:
        referee.start_climb("night")
    referee.close()
    assert row.detail in str(refused.value)
    assert "$12.00 for the baseline" in row.detail
    for key, value in (("dollars", 48), ("dollars_per_trial", 0.2083)):
        caps = {"dollars": 20, "dollars_per_trial": 0.5, key: value}
        (root / "autoagent.toml").write_text(
            "[budget]\n" + "".join(f"{name} = {set_to}\n" for name, set_to in caps.items())
        )
        (row,) = [check for check in examine(root) if check.name == "budget"]
        assert row.state == "ok", row.detail
