"""The table of troubles in docs/gateway.md: `python tests/gateway/troubles.py --write`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli

DOCS = Path(__file__).parents[2] / "docs/gateway.md"
HEAD = "| Trouble | The trial | Charged | Status says | When it is over |"
_TRIALS = {
    "hidden": "counts; the harness sees nothing of it",
    "void": "void",
    "own": "counts; the harness sees the error",
}
_CHARGES = {"nothing": "nothing", "usage": "as told", "reserve": "all that was reserved"}
_OVER = {
    "hidden": "",
    "own": "",
    "void": "the void trial is run again",
    "out": "trials begin again by themselves, the void one too",
}


def troubles() -> list[dict[str, Any]]:
    """Every row of troubles.toml."""
    text = Path(__file__).with_name("troubles.toml").read_text("utf-8")
    return tomli.loads(text)["trouble"]


def table() -> str:
    """The rows in Markdown."""
    return "\n".join([HEAD, "|---|---|---|---|---|", *map(_line, troubles())])


def _line(row: Mapping[str, Any]) -> str:
    outcome, said = row["outcome"], row.get("status", "")
    over = _OVER["out" if said else outcome]
    told = said.replace("|", "\\|").replace("<", "&lt;")
    charge = _CHARGES[row.get("charge", "nothing")]
    return f"| {row['name']} | {_TRIALS[outcome]} | {charge} | {told} | {over} |"


def written(text: str) -> str:
    """The documentation with the table of today."""
    start = text.index(HEAD)
    return text[:start] + table() + text[text.index("\n\n", start) :]


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCS.write_text(written(DOCS.read_text("utf-8")), "utf-8")
    else:
        sys.stdout.write(table() + "\n")
