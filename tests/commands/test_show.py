"""`autoagent show` and `diff`: what a candidate changed, what it did, and why it fell."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from ..referee.playing import edit, propose, with_baseline


@pytest.fixture
def night(make_workspace: Any) -> Path:
    """A climb that goes on: kept 3/4, then a candidate that breaks two and fixes one."""
    workspace = make_workspace(config="[gate]\npruning = false\n")
    passes = [{f"t{n}": [1.0] for n in which} for which in ((1, 2), (1, 2, 3), (3, 4))]
    with closing(Referee.open(workspace, ScriptedEngine(*passes))) as referee:
        with_baseline(referee)
        propose(referee, workspace, "X = 1", "one more name")
        propose(referee, workspace, "Y = 2", "\x1b[31mmany [bold]names")
    return workspace


def commits(root: Path) -> list[str]:
    return [line.split("\t")[0] for line in (root / "results.tsv").read_text().splitlines()[1:]]


def test_a_fallen_candidate_says_what_it_fixed_broke_and_why_it_fell(
    autoagent: Any, night: Path
) -> None:
    fallen = commits(night)[2]
    code, told = autoagent.json("show", fallen, "--workspace", night)
    assert (code, told["fate"], told["passed"]) == (0, "discard", "2/4")
    assert told["flips"]["fixed"] == ["t4"]
    assert told["flips"]["broken"] == ["t1", "t2"]
    assert told["parent"].startswith(commits(night)[1])
    assert [line for line in told["diff"] if line.startswith(("+", "-"))][2:] == [
        "+Y = 2",
    ]


@pytest.mark.parametrize("columns", ["60", "140"])
def test_it_is_readable_on_any_terminal_without_markup_or_control_characters(
    autoagent: Any, night: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    code, said = autoagent("show", commits(night)[2], "--workspace", night)
    assert code == 0
    assert "discard \\x1b[31mmany [bold]names" in said
    assert "\x1b" not in said
    assert "2: t1, t2" in said
    assert max(map(len, said.splitlines())) <= int(columns)
    assert autoagent("report", "--workspace", night)[0] == 0


def test_the_best_is_shown_by_default_and_diffed_against_the_baseline(
    autoagent: Any, night: Path
) -> None:
    assert autoagent("show", "--workspace", night)[1].startswith(commits(night)[1])
    code, said = autoagent("diff", "--best", "--workspace", night)
    assert code == 0
    assert "+X = 1\n" in said
    assert autoagent("diff", commits(night)[2], "--workspace", night)[1] != said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "0000000"), "is no candidate here"),
        (("show", "12"), "is no candidate here"),
        (("diff",), "Name one candidate"),
        (("diff", "--best", "1234567"), "Name one candidate"),
    ],
)
def test_what_names_no_candidate_says_how_to_name_one(
    autoagent: Any, night: Path, arguments: tuple[str, ...], said: str
) -> None:
    code, told = autoagent(*arguments, "--workspace", night)
    assert code == 2
    assert said in told


def test_without_a_climb_there_is_nothing_to_show(autoagent: Any, workspace: Path) -> None:
    code, said = autoagent("show", "--workspace", workspace)
    assert code == 2
    assert "No climb was started" in said


def test_a_candidate_that_is_not_measured_yet_says_so(
    autoagent: Any, workspace: Path, open_referee: Callable[[Any], Referee]
) -> None:
    referee = open_referee(ScriptedEngine({"t1": [1.0]}))
    with_baseline(referee)
    edit(workspace, "X = 1")
    made = referee.commit_candidate("one more name").candidate
    assert made is not None
    told = autoagent.json("show", made.short, "--workspace", workspace)[1]
    assert told["fate"] == "committed, not measured yet"
    assert told["flips"]["not_run"] == 0
