"""The command line, called as a human calls it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from autoagent.commands.cli import app
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine


class Command:
    """Runs `autoagent …` in this process."""

    def __call__(self, *arguments: str | Path) -> tuple[int, str]:
        """The exit code, and everything that was printed."""
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def json(self, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
        """The exit code, and the object that `--json` printed."""
        code, output = self(*arguments, "--json")
        return code, json.loads(output)


@pytest.fixture
def autoagent(monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line; no project of a client's is around."""
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    return Command()


@pytest.fixture
def climbed() -> Callable[[Path], None]:
    """Play a climb with a baseline of 2/4 and one candidate that passes 3/4, and finish it.

    With `stop` the human wants no certification yet.
    """

    def play(root: Path, *, stop: bool = False) -> None:
        referee = Referee.open(
            root, ScriptedEngine({"t1": [1.0], "t2": [1.0]}, {f"t{n}": [1.0] for n in (1, 2, 3)})
        )
        referee.start_climb("night")
        settle(referee)
        measure(referee)
        harness = root / "agent.py"
        harness.write_text(harness.read_text().replace("MAX_TURNS = 3", "MAX_TURNS = 4"))
        referee.commit_candidate("one more turn")
        measure(referee)
        if stop:
            (root / "STOP").touch()
        referee.finish_climb()
        settle(referee)
        (root / "STOP").unlink(missing_ok=True)
        referee.close()

    def measure(referee: Referee) -> None:
        referee.run_benchmark()
        settle(referee)
        referee.append_result()

    def settle(referee: Referee) -> None:
        while referee.advance().phase in ("validating", "evaluating", "certifying"):
            pass

    return play
