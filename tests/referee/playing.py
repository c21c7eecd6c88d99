"""The moves of a climb over the scripted engine, for tests of what they lead to."""

from pathlib import Path

from autoagent.evidence.position import Position
from autoagent.records import Row
from autoagent.referee.referee import Referee

ALL = {"t1": [1.0], "t2": [1.0], "t3": [1.0], "t4": [1.0]}
THREE = {"t1": [1.0], "t2": [1.0], "t3": [1.0]}
TWO = {"t1": [1.0], "t2": [1.0]}
ONE = {"t1": [1.0]}


def settle(referee: Referee) -> Position:
    """Advance until nothing runs; the scripted engine is never far from its end."""
    for _ in range(20):
        position = referee.advance()
        if position.running is None and position.phase not in ("validating", "certifying"):
            return position
    raise AssertionError("it is still running after 20 steps")


def start(referee: Referee, tag: str = "night") -> Position:
    referee.start_climb(tag)
    return settle(referee)


def with_baseline(referee: Referee) -> Position:
    """Start a climb and measure and record its baseline."""
    start(referee)
    referee.run_benchmark()
    settle(referee)
    referee.append_result("baseline")
    return referee.position


def propose(referee: Referee, workspace: Path, line: str = "X = 1", name: str = "idea") -> Row:
    """Edit above the boundary, commit, measure, record."""
    edit(workspace, line)
    referee.commit_candidate(name)
    referee.run_benchmark()
    settle(referee)
    return referee.append_result()


def edit(workspace: Path, line: str) -> None:
    harness = workspace / "agent.py"
    text = harness.read_text()
    harness.write_text(text.replace("MAX_TURNS = 3\n", f"MAX_TURNS = 3\n{line}\n", 1))
