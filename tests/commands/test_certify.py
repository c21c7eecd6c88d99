"""`autoagent certify`: the human asks what a finished climb is worth."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

MakeWorkspace = Callable[..., Path]
Climbed = Callable[..., None]


@pytest.mark.slow
@pytest.mark.rule("R12")
def test_a_climb_that_was_stopped_is_certified_by_hand_and_then_never_again(
    autoagent: Any, make_workspace: MakeWorkspace, climbed: Climbed
) -> None:
    """Real workers measure it; the harness answers no task, and its certificate says so."""
    root = make_workspace(config="[certify]\npasses = 1\n")
    climbed(root, stop=True)

    code, found = autoagent.json("certify", "--workspace", root)
    again, said = autoagent("certify", "--workspace", root)

    assert (code, found["ok"]) == (0, True)
    effect = found["certificate"]["effect"]
    assert (effect["tasks"], effect["pairs"], effect["difference"]) == (4, 4, 0.0)
    assert effect["low"] < 0.0 < effect["high"]
    assert found["certificate"]["optimistic"] == 0.25
    assert again == 2
    assert "certified already" in said


def test_a_climb_that_is_not_over_is_not_certified(autoagent: Any, workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine({}))
    referee.start_climb("night")
    referee.close()
    code, said = autoagent("certify", "--workspace", workspace)

    assert code == 2
    assert "out of order" in said
