"""What is installed here, against `requirements.lock`, with which this release was tested.

The lock is part of the package. It pins more than is installed: what only tests or another
machine needs. So only what is here with another version differs.
"""

import re
import sys
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

PACKAGE = "autoagent-mcp"
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;]+)", re.MULTILINE)


def lock() -> Path:
    """Where the lock is: in the package, or beside the sources it is installed from in place."""
    packed = Path(__file__).with_name("requirements.lock")
    return packed if packed.exists() else Path(__file__).parents[2] / packed.name


class Differing(NamedTuple):
    """A package that is here with another version than the lock's."""

    name: str
    here: str
    locked: str


def differing() -> list[Differing]:
    """The packages that are here with another version than any that the lock pins.

    Raises:
        OSError: There is no lock.
    """
    pinned: dict[str, set[str]] = {}
    for name, version in _PIN.findall(lock().read_text(encoding="utf-8")):
        pinned.setdefault(normal(name), set()).add(version)
    here = {normal(found.name): found.version for found in metadata.distributions()}
    return [
        Differing(name, version, max(pinned[name]))
        for name, version in sorted(here.items())
        if name in pinned and version not in pinned[name]
    ]


def restoring() -> str:
    """The command that puts the locked versions back."""
    return installing(*(f"{name}=={locked}" for name, _, locked in differing()))


def installing(*requirements: str) -> str:
    """The command that installs something beside what is here, and changes no locked version."""
    wanted = " ".join(f"'{requirement}'" for requirement in requirements)
    return f"`uv pip install --python {sys.prefix} --constraints {lock()} {wanted}`"


def extra(name: str) -> list[str]:
    """The requirements of an extra of ours."""
    marker = re.compile(rf"""(.+?) *; *extra *== *["']{name}["']""")
    found = (marker.fullmatch(line) for line in metadata.requires(PACKAGE) or ())
    return [match[1] for match in found if match]


def normal(name: str) -> str:
    """A package's name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
