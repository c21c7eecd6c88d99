"""What is shown fits the terminal: 40 and 60 columns, without colour, and where there is none."""

import io
import re

import pytest
from rich.console import Console, RenderableType

from autoagent.commands import terminal
from autoagent.commands.before.rows import Check
from autoagent.commands.during.demo_script import Played
from autoagent.commands.during.run import Seen
from autoagent.records import Trial

TRIALS = tuple(
    Trial(
        id=f"run1.a-task-with-a-long-name-{n}.1",
        task=f"a-task-with-a-long-name-{n}",
        attempt=1,
        outcome="failed",
        reward=0.0,
        detail="verifier: FAIL expected the answer that was asked for",
        seconds=1.0,
    )
    for n in range(55)
)
CHECK = Check(name="repository", state="fail", detail="agent.py differs", fix="`git stash`")
PLAYED = Played(name="refund", description="In steps", verdict="keep", why="passed_up", passed=9)


def seen(ended: int) -> Seen:
    return Seen(trials=TRIALS[:ended], running=("one", "two"), expected=55, seconds=20.0)


def shown(what: RenderableType, width: int, height: int = 24) -> list[str]:
    out = Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True
    )
    out.print(what)
    assert isinstance(out.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", out.file.getvalue()).splitlines()


@pytest.mark.parametrize("width", [40, 60, 100])
def test_every_table_keeps_its_words_whole_in_a_terminal_of_any_width(width: int) -> None:
    for what, words in (
        (terminal.trials_table(TRIALS[:2], width), ["a-task-with-a-long-name-0", "failed"]),
        (terminal.checks_table([CHECK], width), ["repository", "agent.py differs", "fix: `git"]),
        (terminal.demo_screen([PLAYED], "waits", width), ["refund", "passed_up", "waits"]),
    ):
        lines = shown(what, width)
        assert max(map(len, lines)) <= width
        assert not [word for word in words if not any(word in line for line in lines)]


@pytest.mark.parametrize("width", [40, 60, 100])
def test_what_is_refreshed_is_no_higher_than_the_terminal(width: int) -> None:
    """A display that is higher scrolls, and every refresh leaves a copy."""
    out = Console(width=width, height=24, file=io.StringIO())
    assert len(shown(terminal.run_screen(out, seen(54)), width)) <= 24


def test_a_run_under_way_tells_counts_the_time_that_is_left_and_what_runs() -> None:
    out = Console(width=100, height=40, file=io.StringIO())
    assert (
        "0/55 ended, 0 passed, 20 s; one and 1 more running"
        in shown(terminal.run_screen(out, seen(0)), 100)[-1]
    )
    assert (
        "20/55 ended, 0 passed, 20 s, about 35 s left"
        in shown(terminal.run_screen(out, seen(20)), 100)[-1]
    )
