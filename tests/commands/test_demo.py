"""`autoagent demo`, where it goes wrong; whole, and installed, it is played in test_snippets.py."""

from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.init import make_workspace
from autoagent.commands.during import demo_script
from autoagent.commands.during.demo import demonstrate
from autoagent.commands.during.demo_script import Edit, Played
from autoagent.errors import WorkspaceError

WRONG = """\
[[edit]]
name = "more-turns"
description = "Allow one more turn"
expect = "keep"
why = "passed_up"

[[edit.replace]]
find = "MAX_TURNS = 30"
with = "MAX_TURNS = 31"
"""


@pytest.mark.slow
def test_a_climb_that_goes_otherwise_than_scripted_fails_and_says_how(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "example")
    (made.root / "edits.toml").write_text(WRONG)

    found = demonstrate(tmp_path / "d", example=made.root)

    assert found.problems == (
        "more-turns: expected keep (passed_up), got discard (pruned)",
        "final: expected more than 1 passed, got 1",
    )


def test_the_demo_plays_in_an_empty_directory_only(autoagent: Any, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")

    code, printed = autoagent("demo", "--keep", tmp_path)

    assert code == 2
    assert "is not empty" in printed


EDIT = Edit.model_validate(
    {
        "name": "idea",
        "description": "An idea",
        "expect": "keep",
        "why": "passed_up",
        "replace": [{"find": "one", "with": "two"}],
    }
)


def test_an_edit_replaces_a_text_that_occurs_once() -> None:
    assert EDIT.apply("this one") == "this two"


@pytest.mark.parametrize("source", ["none", "one and one"])
def test_an_edit_of_a_text_that_is_missing_or_ambiguous_is_refused(source: str) -> None:
    with pytest.raises(WorkspaceError, match="`idea`"):
        EDIT.apply(source.replace("none", "nothing"))


def test_a_verdict_that_was_not_scripted_is_told_with_the_edit_and_both_sides() -> None:
    assert demo_script.judged(EDIT, "keep", "passed_up") == ("passed_up", "")
    assert demo_script.judged(EDIT, "keep", "simpler")[1] == (
        "idea: expected keep (passed_up), got keep (simpler)"
    )
    assert demo_script.judged(EDIT, "refused", "the disk is full")[1] == (
        "idea: expected keep (passed_up), got refused (the disk is full)"
    )


def test_a_refusal_counts_only_for_the_reason_that_was_scripted() -> None:
    hostile = EDIT.model_copy(update={"expect": "refused", "why": "boundary"})
    told = "agent.py:120: the fixed section was changed here; restore the line"

    assert demo_script.judged(hostile, "refused", told) == ("boundary", "")
    assert demo_script.judged(hostile, "refused", "no_change")[1]


def test_a_ledger_without_a_row_for_each_measured_candidate_is_told() -> None:
    def step(verdict: demo_script.Fate) -> Played:
        return Played(name="s", description="", verdict=verdict, why="")

    steps = [step("keep"), step("refused"), step("crash")]

    assert demo_script.ledger_problems(steps, ["keep", "crash"]) == []
    assert demo_script.ledger_problems(steps, ["keep"]) == [
        "results.tsv: expected the rows keep, crash; got keep"
    ]
