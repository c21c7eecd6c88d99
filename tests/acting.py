"""Harnesses that act, above all those that misbehave: the tests' own, with another `run_task`.

Each file of tests/harnesses/acts is what stands in its place. Where it has several acts, the last
word of a task's instruction names one. Its capital names are its parameters.
"""

import re
from pathlib import Path
from typing import Any

from .conftest import HARNESS

ACTS = Path(__file__).parent / "harnesses/acts"


def acting(name: str, harness: str = HARNESS, **values: Any) -> str:
    """A whole harness that does what tests/harnesses/acts/<name>.py does, with these values."""
    acts = (ACTS / f"{name}.py").read_text()
    for constant, value in values.items():
        before, _, after = re.split(rf"^({constant} = .*)$", acts, maxsplit=1, flags=re.MULTILINE)
        acts = f"{before}{constant} = {value!r}{after}"
    start, end = harness.index("async def run_task"), harness.index("# === FIXED")
    return f"{harness[:start]}{acts}\n\n{harness[end:]}"


def acts_of(name: str) -> list[str]:
    """The acts that a file has, in its order."""
    source = (ACTS / f"{name}.py").read_text()
    return re.findall(r"^async def ([a-z]\w*)\(environment\):", source, re.MULTILINE)
