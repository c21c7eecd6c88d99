"""Vega in a process of its own: its machine takes most of a second to start, while a night is read.

    python -m autoagent.report.drawing

It reads a Vega-Lite description a line, and answers each with its SVG, as a JSON string a line.
"""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import vl_convert

if TYPE_CHECKING:  # the process that draws needs nothing else
    from autoagent.report.charts import Draw


@contextmanager
def drawer() -> Generator["Draw"]:
    """Start the process at once, beside whatever comes next; nothing of it is left after the block.

    What it yields raises OSError where the process is not there any more.
    """
    command = [sys.executable, "-P", "-m", "autoagent.report.drawing"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    assert process.stdin
    assert process.stdout
    asked, answers = process.stdin, process.stdout

    def draw(description: dict[str, Any]) -> str:
        asked.write(json.dumps(description).encode() + b"\n")
        asked.flush()
        answer = answers.readline()
        if not answer:
            raise OSError("the process that draws the report's chart ended before it answered")
        return json.loads(answer)

    try:
        yield draw
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Answer until nobody asks any more."""
    vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "point"})
    for line in sys.stdin:
        sys.stdout.write(json.dumps(vl_convert.vegalite_to_svg(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
