"""Vega in a process of its own: its machine takes most of a second to start, while a night is read.

    python -m autoagent.report.drawing

It reads a Vega-Lite description a line, and answers each with its SVG, as a JSON string a line.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import vl_convert


class Drawer:
    """The process; it ends with its block."""

    def __init__(self) -> None:
        """It starts at once, and beside whatever the caller does next."""
        command = [sys.executable, "-P", "-m", "autoagent.report.drawing"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
        )

    def __enter__(self) -> Self:
        """As it is."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing of it is left."""
        self._process.kill()
        self._process.communicate()

    def draw(self, description: Mapping[str, Any]) -> str:
        """A description's SVG.

        Raises:
            OSError: The process is not there any more.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(description).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise OSError("the process that draws the report's chart ended before it answered")
        return json.loads(answer)


def main() -> None:
    """Answer until nobody asks any more."""
    vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "point"})
    for line in sys.stdin:
        sys.stdout.write(json.dumps(vl_convert.vegalite_to_svg(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
