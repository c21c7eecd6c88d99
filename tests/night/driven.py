"""A night as a human starts it: `autoagent night`, a process."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.workspace.layout import open_workspace


class Night:
    """A workspace, and the agent that is to play there."""

    def __init__(self, root: Path, agent: str) -> None:
        self.root, self.agent = root, agent

    def start(self, *options: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "autoagent", "night", "--workspace", str(self.root)]
        return subprocess.Popen(
            [*command, "--agent", self.agent, *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ,
        )  # fmt: skip

    def play(self, *options: str) -> tuple[int, str]:
        """A whole night: its exit code, and what it printed."""
        process = self.start(*options)
        try:
            said = process.communicate(timeout=240)[0]
        finally:
            process.kill()
        return process.returncode, said

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines of its log."""
        files = (self.root / ".autoagent/night").glob("*.jsonl")
        return [
            json.loads(line) for file in sorted(files) for line in file.read_text().splitlines()
        ]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Those of one kind."""
        return [event for event in self.events if event["kind"] == kind]


def position_of(night: Night) -> Position:
    """Where its climb stands."""
    with closing(Journal(open_workspace(night.root).journal, read_only=True)) as journal:
        return Position.model_validate_json(journal.position() or "")
