"""What differs from an image, in the words of the rule of tampering; readers fill it in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

MODIFIED, ADDED, DELETED = 0, 1, 2
"""Kinds of change, as the Docker Engine's API numbers them (ContainerChanges)."""


class Change(NamedTuple):
    """One path that differs from the image."""

    path: str
    kind: int


@dataclass(frozen=True, slots=True)
class Files:
    """What an environment can tell of files: the image's, and what the candidate left."""

    had: Callable[[str], bool]
    """Whether the image has something at a path."""
    left: Callable[[str], bool]
    """Whether there is a plain file at a path now."""
    link: Callable[[str], bool]
    """Whether a path itself is a link now."""
    read: Callable[[str], bytes]
    """What a plain file of the candidate's holds; nothing where it is none, or large."""
    was: Callable[[str], bytes]
    """What the image has there, likewise."""
    installed: Callable[[str], bool]
    """Whether the image has a package of Python's by this name."""
