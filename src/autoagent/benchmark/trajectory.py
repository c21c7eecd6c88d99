"""Placeholder by the lead so that imports work; the server room replaces this file."""

from pathlib import Path


def parts(a: Path, b: Path) -> str:
    """Replaced."""
    return "?"
