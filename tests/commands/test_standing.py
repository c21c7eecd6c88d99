"""What clients see, from the command line: `status`, `report`, and the steps that are told."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.during.serve import for_people
from autoagent.commands.terminal import harbor_view
from autoagent.referee.moves import REPORT
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

Climbed = Callable[[Path], None]


def test_status_prints_what_clients_see(autoagent: Any, workspace: Path, climbed: Climbed) -> None:
    climbed(workspace)
    code, found = autoagent.json("status", "--workspace", workspace)
    assert (code, found["phase"], found["tag"], found["rows"]) == (0, "finished", "night", 2)
    assert "Certified: " in found["message"]


def test_scores_are_a_table_of_tasks_and_candidates(
    autoagent: Any, workspace: Path, climbed: Climbed
) -> None:
    climbed(workspace)
    _, printed = autoagent("report", "--tasks", "--workspace", workspace)
    table = [line.split() for line in printed.splitlines() if line.startswith("t")]
    assert table == [["t1", "1", "1"], ["t2", "1", "1"], ["t3", "0", "1"], ["t4", "0", "0"]]


def test_status_is_told_beside_a_server_and_moves_nothing(autoagent: Any, workspace: Path) -> None:
    referee = Referee.open(workspace, ScriptedEngine({}, hold=True))
    referee.start_climb("night")
    head = referee.status().head
    code, printed = autoagent("status", "--workspace", workspace)
    assert (code, referee.status().head) == (0, head)
    referee.close()
    assert "Climb night is in phase validating" in printed
    assert 'Next: start_climb("night"), from the client that `autoagent serve` serves' in printed


@pytest.mark.parametrize("command", ["status", "report", "verify", "export"])
def test_a_workspace_where_a_server_was_open_and_nobody_played_has_nothing_to_tell(
    autoagent: Any, workspace: Path, command: str
) -> None:
    Referee.open(workspace, ScriptedEngine({})).close()
    code, said = autoagent(command, "--workspace", workspace)
    assert code == 2
    assert "No climb was started" in said


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("status()", "`autoagent status`"),
        (REPORT, "`autoagent report`"),
        ("`autoagent doctor`", "`autoagent doctor`"),
        ("tell the human: mend it", "mend it"),
        ("run_benchmark()", "run_benchmark(), from the client that `autoagent serve` serves"),
        ("start_climb(tag) from a client", "start_climb(tag) from a client"),
    ],
)
def test_a_next_step_for_people_is_a_command_or_said_to_be_the_clients(
    step: str, told: str
) -> None:
    assert for_people(step) == told


def test_harbor_is_told_by_a_path_that_runs(tmp_path: Path) -> None:
    program, *arguments = shlex.split(harbor_view(tmp_path / "a job's"))
    assert Path(program).is_file()
    assert arguments == ["view", str(tmp_path / "a job's")]


def test_the_version_is_told(autoagent: Any) -> None:
    code, printed = autoagent("--version")
    assert code == 0
    assert printed.startswith("autoagent 0.")
