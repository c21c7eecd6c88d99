"""docs/walkthrough.md: each command is typed, and what it quotes is what is seen.

`SAID=write` writes what was seen into the page, but for quotations that leave lines out.
"""

import faulthandler
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoagent.commands.during.demo_script import load_edits

from .test_roles import ROOT, Stranger
from .walking import blocks, constant, differs, rewritten, typed

PAGE = ROOT / "docs/walkthrough.md"
SOMEONE = "/home/someone"
ANSWERS = (
    ("Run it? [Y/n]: ", "y"),
    ("Case (empty ends): ", ""),
    ("to make the branch []: ", "night"),
)
"""What the page's human types when asked."""
IDEAS = ("articles", "hello", "manners")
"""The edits of examples/glowup-climb that its agent tries; the others need tasks it has not."""


@pytest.fixture
def home() -> Iterator[Path]:
    """A home whose path is as long as the one that the page shows: tables are as wide."""
    place = Path(tempfile.mkdtemp(prefix="", dir="/tmp"))
    assert len(str(place)) == len(SOMEONE)
    yield place
    shutil.rmtree(place, ignore_errors=True)


def ideas(clone: Path) -> list[tuple[str, str, str]]:
    """What the agent says, and what it replaces by what: the prompt's end, or the tools."""
    edits = {edit.name: edit for edit in load_edits(clone / "examples/glowup-climb/edits.toml")}
    found: list[tuple[str, str, str]] = []
    for edit in (edits[name] for name in IDEAS):
        (replace,) = edit.replacements
        found.append((edit.description, replace.find, replace.replacement))
    prompt, (said, _, better) = found[1][1], found[2]
    found[2] = (said, prompt, better)  # there, another edit has changed the prompt before
    return found


@pytest.mark.slow
def test_the_walk_goes_as_the_page_quotes_it(home: Path, tmp_path: Path) -> None:
    """From a fresh clone, in a fresh home, at a terminal of 80 columns: a dumb one has them."""
    faulthandler.cancel_dump_traceback_later()  # `typed` has a longer deadline, for busy machines
    stranger = Stranger(home, tmp_path)
    memory = json.dumps(ideas(home / "autoagent"))
    (home / "memory/ideas.json").write_text(memory)
    page = PAGE.read_text()
    listed = blocks(page)

    scripts = [one.typed for one in listed]
    shown = typed(scripts, home, stranger.environment, ANSWERS, 900)
    seen = [one.replace(str(home), SOMEONE) for one in shown]

    if os.environ.get("SAID") == "write":
        PAGE.write_text(rewritten(page, seen))
        return
    changed = [
        f"{block.typed}shows now:\n{output}"
        for block, output in zip(listed, seen, strict=True)
        if block.seen is not None and differs(block.seen, output)
    ]
    assert not changed, "\n".join(changed)


def test_what_differs_each_time_is_left_out_of_the_comparison() -> None:
    """Commits, hours, durations, dollars, numbers of tokens and trials; nothing else."""
    line = "keep  1a2b3c4  07:31  12.5 s  $0.05  1,204 tokens  2/5  +60.0 points\n"
    other = "keep  9f8e7d6  06:02:11  3 s  $1.27  33 tokens  2/5  +60.0 points\n"
    assert constant(line) == constant(other)
    assert constant(line) != constant(line.replace("2/5", "3/5"))
    assert constant(line) != constant(line.replace("+60.0", "+40.0"))


def test_a_quotation_that_leaves_lines_out_says_where() -> None:
    seen = "one\ntwo\nthree\nfour\n"
    for quoted in (seen, "one\n[...]\nfour\n", "[...]\ntwo\n[...]\n", "one\n[...]\n"):
        assert not differs(quoted, seen), quoted
    for quoted in ("one\nfour\n", "two\n[...]\n", "[...]\nthree\n", "one\n[...]\nfive\n"):
        assert differs(quoted, seen), quoted
