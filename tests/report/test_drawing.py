"""The chart is drawn in a process that starts while a night is read."""

import subprocess
import sys

from autoagent.report.charts import staircase
from autoagent.report.drawing import drawer
from autoagent.report.story import story

from .nights import night


def test_a_process_of_its_own_draws_what_this_one_draws_for_as_long_as_it_is_asked() -> None:
    steps = story(night(6, 4), 0.0).steps
    with drawer() as beside:
        drawn = [staircase(steps[:count], beside) for count in (3, 6)]
    assert drawn == [staircase(steps[:count]) for count in (3, 6)]
    assert all("<title>1. " in one for one in drawn)


def test_it_ends_when_nobody_asks_any_more() -> None:
    command = [sys.executable, "-P", "-m", "autoagent.report.drawing"]
    assert subprocess.run(command, input=b"", capture_output=True, check=True).stdout == b""
