"""A page whose commands are typed at a terminal, and what it quotes of them.

A block of `bash` is typed; the block of `text` below it, if there is one, is what is seen then.
"""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(
    r"^```bash\n(?P<typed>.*?)^```\n(?:\n```text\n(?P<seen>.*?)^```\n)?", re.M | re.S
)
LEFT_OUT = "[...]"
DIFFERS = (
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,64}\b"), "<commit>"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?\b"), "<hour>"),
    (re.compile(r"\$\d+\.\d+"), "<dollars>"),
    (re.compile(r"\b\d+(\.\d+)? (s|min|h)\b"), "<duration>"),
    (re.compile(r"(?<= )\d+\.\d(?= |$)", re.M), "<seconds>"),
    (re.compile(r"\b[\d,]+ (tokens|trials)\b"), r"<number> \1"),
    (re.compile(r" {2,}|─{2,}"), "  "),
)
"""What is another one each time: the rule that docs/walkthrough.md states."""


class Block(NamedTuple):
    """What is typed, and what is quoted of what is seen; None where nothing is."""

    typed: str
    seen: str | None


def blocks(page: str) -> list[Block]:
    return [Block(found["typed"], found["seen"]) for found in BLOCK.finditer(page)]


def constant(text: str) -> list[str]:
    """The lines of an output, without what differs from one time to the next."""
    for pattern, name in DIFFERS:
        text = pattern.sub(name, text)
    return [line.rstrip() for line in text.strip().splitlines() if line.strip(" ─")]


def differs(quoted: str, seen: str) -> bool:
    """Whether a quotation is not what was seen; `[...]` stands for any lines."""
    left, at = constant(seen), 0
    for number, part in enumerate(quoted.split(f"{LEFT_OUT}\n")):
        lines = constant(part)
        starts = [n for n in range(at, len(left)) if left[n : n + len(lines)] == lines] or [-1]
        start = starts[0] if lines else at
        if start < 0 or (number == 0 and start > 0):
            return True
        at = start + len(lines)
    return at < len(left) and not quoted.endswith(f"{LEFT_OUT}\n")


def rewritten(page: str, seen: Sequence[str]) -> str:
    """The page with what was seen in the place of each quotation that says something else."""
    outputs = iter(seen)

    def quoted(block: re.Match[str]) -> str:
        output, before = next(outputs), block["seen"]
        if before is None or LEFT_OUT in before or not differs(before, output):
            return block[0]
        lines = [line.rstrip() for line in output.strip("\n").splitlines()]
        return block[0].replace(f"```text\n{before}", "\n".join(["```text", *lines, ""]))

    return BLOCK.sub(quoted, page)


def typed(
    scripts: Sequence[str],
    where: Path,
    environment: Mapping[str, str],
    answers: Sequence[tuple[str, str]],
    longest_seconds: float,
) -> Iterator[str]:
    """Type scripts into one shell at a terminal, and say what each showed.

    Args:
        scripts: Each a few commands, all of which have to succeed.
        where: The directory to begin in.
        environment: The shell's variables.
        answers: Questions and what a human types then, in their order.
        longest_seconds: How long all of it may take.
    """
    ends = "\x1e"
    whole = "".join(f"{script}printf '{ends}'\n" for script in scripts)
    ours, theirs = pty.openpty()
    shell = subprocess.Popen(
        ["bash", "-euc", f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{whole}"],
        cwd=where, env=dict(environment) | {"TERM": "dumb", "PAGER": "cat"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    waiting, seen, shown = list(answers), "", 0
    deadline = time.monotonic() + longest_seconds
    try:
        while shown < len(scripts):
            assert time.monotonic() < deadline, f"not over in time:\n{seen[-3000:]}"
            if not select.select([ours], [], [], 1.0)[0]:
                continue
            try:
                seen += os.read(ours, 65536).decode(errors="replace").replace("\r\n", "\n")
            except OSError:  # the terminal's last user is gone
                raise AssertionError(f"{scripts[shown]} failed:\n{seen[-3000:]}") from None
            while ends in seen:
                one, _, seen = seen.partition(ends)
                yield one
                shown += 1
            if waiting and seen.endswith(waiting[0][0]):
                os.write(ours, f"{waiting.pop(0)[1]}\n".encode())
        assert shell.wait(30) == 0
        assert not waiting, f"never asked: {waiting}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
        os.close(ours)
