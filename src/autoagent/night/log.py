"""What a night did, twice: JSON lines for programs, plain lines for whoever wakes up."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SHOWN = 300
"""Characters of a text in a plain line; the JSON has all of it."""


class Log:
    """Two files in one directory, named after the second in which the night began."""

    def __init__(self, directory: Path, show: Callable[[str], None]) -> None:
        """Write below `directory`, and show each plain line as it is written."""
        directory.mkdir(parents=True, exist_ok=True)
        name = time.strftime("%Y-%m-%d-%H%M%S")
        self.path = directory / f"{name}.log"
        self.agent = directory / f"{name}.agent"
        """Where the agent's own complaints (its stderr) go."""
        self._json, self._show = self.path.with_suffix(".jsonl"), show

    def __call__(self, kind: str, words: str, **facts: Any) -> None:
        """One event: its kind, a sentence about it, and what else a program may want to know."""
        event = {"at": round(time.time(), 3), "kind": kind, "words": words, **facts}
        line = " ".join(words.split())
        line = "".join(c if c.isprintable() else "?" for c in line)
        told = f"{time.strftime('%H:%M:%S')}  {kind:9}  {line[:SHOWN]}"
        with self._json.open("a", encoding="utf-8", errors="replace") as file:
            file.write(json.dumps(event) + "\n")
        with self.path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(told + "\n")
        self._show(told)
