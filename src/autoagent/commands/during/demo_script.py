"""What the demo's scripted meta-agent tries, and what should come of it.

The script is `edits.toml` beside the quickstart's harness. Nothing here talks to a server.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import tomli
from pydantic import Field, ValidationError

from autoagent.errors import WorkspaceError
from autoagent.records import Record

Fate = Literal["keep", "discard", "crash", "refused"]
"""What becomes of an edit: a verdict's status, or no verdict at all."""

TAG = "demo"
"""The climb's."""

REFUSALS = {
    "boundary": "the fixed section was changed",
    "rebinding": "which the fixed section defines",
}
"""What a refusal says, by the reason the script expects."""


class Replacement(Record):
    """Text that occurs exactly once in the harness, and what takes its place."""

    find: str
    replacement: str = Field(alias="with")


class Edit(Record):
    """One idea of the meta-agent's. `why` is the reason a verdict gives, or a key of `REFUSALS`."""

    name: str
    description: str
    expect: Fate
    why: str
    replacements: tuple[Replacement, ...] = Field(alias="replace")

    def apply(self, source: str) -> str:
        """The harness with this edit.

        Raises:
            WorkspaceError: A text to replace is missing or ambiguous.
        """
        for replacement in self.replacements:
            count = source.count(replacement.find)
            if count != 1:
                line = replacement.find.strip().split("\n")[0]
                raise WorkspaceError(
                    f"Edit `{self.name}`: {line!r} occurs {count} times in the harness, not once. "
                    "Correct edits.toml."
                )
            source = source.replace(replacement.find, replacement.replacement)
        return source


class Played(Record):
    """What became of the baseline or of an edit. `problem` says how that was not expected."""

    name: str
    description: str
    verdict: Fate
    why: str
    passed: int | None = None
    expected: int | None = None
    commit: str | None = None
    problem: str = ""


class Demonstration(Record):
    """A whole climb, played and checked. `problems` is empty when all went as it should."""

    workspace: Path
    state: Path
    steps: tuple[Played, ...]
    baseline_passed: int
    final_passed: int
    certified: str
    expected: int
    ledger: tuple[str, ...]
    events: int
    decisions: int
    head: str
    seconds: float
    problems: tuple[str, ...]


def quickstart() -> Path:
    """The example workspace: in the installed package, else in the checkout.

    Raises:
        WorkspaceError: It is in neither.
    """
    package = Path(__file__).parents[2]
    for place in (package / "examples", package.parents[1] / "examples"):
        if (place / "quickstart" / "edits.toml").is_file():
            return place / "quickstart"
    raise WorkspaceError("examples/quickstart is not installed. Reinstall AutoAgent.")


def load_edits(path: Path) -> list[Edit]:
    """The script, in its order.

    Raises:
        WorkspaceError: It cannot be read.
    """
    try:
        listed = tomli.loads(path.read_text(encoding="utf-8"))["edit"]
        return [Edit.model_validate(edit) for edit in listed]
    except (OSError, KeyError, ValidationError, tomli.TOMLDecodeError) as error:
        raise WorkspaceError(f"{path} cannot be read as a script: {error}.") from error


def judged(edit: Edit, fate: Fate, why: str) -> tuple[str, str]:
    """How an edit's reason is told, and what is wrong with its fate; "" where nothing is.

    Args:
        edit: What was tried.
        fate: What became of it.
        why: The verdict's reason, or all that a refusal said.
    """
    told = why
    if fate == "refused":
        told = next((key for key, text in REFUSALS.items() if text in why), why)
    if (fate, told) == (edit.expect, edit.why):
        return told, ""
    return told, f"{edit.name}: expected {edit.expect} ({edit.why}), got {fate} ({told})"


def ledger_problems(steps: Sequence[Played], statuses: Sequence[str]) -> list[str]:
    """Where the ledger is not one row per measured candidate, the baseline first (rule R7)."""
    measured = [step.verdict for step in steps if step.verdict != "refused"]
    if list(statuses) == measured:
        return []
    return [f"results.tsv: expected the rows {', '.join(measured)}; got {', '.join(statuses)}"]
