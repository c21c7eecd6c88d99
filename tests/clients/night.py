"""A workspace whose evaluations take a second or two, and the facts of a night on it."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autoagent.evidence import ledger

from ..conftest import HARNESS, git, write_one_task
from .endpoint import Endpoint
from .player import COMMAND, IDEAS, TASKS

COMMAND_LINE = '"cp /app/question.txt /app/answer.txt"'


def make_workspace(root: Path, candidates: int) -> Path:
    """A committed workspace in which the first so many `IDEAS` can be tried, and no more."""
    kept = sum(idea.fate == "keep" for idea in IDEAS[:candidates])
    root.mkdir()
    assert COMMAND_LINE in HARNESS
    harness = HARNESS.replace(COMMAND_LINE, "COMMAND")
    constant = f'MAX_TURNS = 3\nCOMMAND = r"""{COMMAND}"""\n'
    (root / "agent.py").write_text(harness.replace("MAX_TURNS = 3\n", constant))
    (root / "program.md").write_text("# Answer questions\n\nMake the harness answer more.\n")
    (root / ".gitignore").write_text("results.tsv\n.autoagent/\n")
    (root / "autoagent.toml").write_text(
        f"[budget]\nevaluations = {candidates + 1}\nhours = 8\n\n[certify]\npasses = 1\n"
    )
    for name, (question, expected) in [*TASKS.items()][: kept + 1]:
        write_one_task(root / "tasks" / name, expected=expected, question=question)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root


def fates(root: Path) -> list[str]:
    """The ledger's verdicts on candidates; the baseline's is left out."""
    rows = ledger.parse((root / "results.tsv").read_text(encoding="utf-8"))
    return [row.status for row in rows[1:]]


def standing(root: Path) -> dict[str, Any]:
    """What the server left of where the climb stands."""
    return json.loads((root / ".autoagent/status.json").read_bytes())


SENT_ON = r"The climb night is not over \(.*?\)"
TOLD = r"AutoAgent: climb night is being played, .*? ledger rows"
"""What the hooks say at a stop and at a start, as patterns."""


def hooks_said(endpoint: Endpoint, pattern: str) -> set[str]:
    """The different things of a kind that the model was told."""
    texts = {text for asked in endpoint.asked for text in asked.heard if isinstance(text, str)}
    return {found for text in texts for found in re.findall(pattern, text)}


def wait_for(happened: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for another process; it has no event to wait on.

    Raises:
        TimeoutError: It did not happen.
    """
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen in {seconds:.0f} s")
        time.sleep(0.02)
