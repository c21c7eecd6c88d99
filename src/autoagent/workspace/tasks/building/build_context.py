"""What a Dockerfile copies that is not beside it: no builder anywhere gets past that.

What it can only know while it builds is passed over: other stages, variables, addresses.
"""

import json
import posixpath
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from io import BytesIO
from typing import Any

from dockerfile_parse import DockerfileParser


def missing_sources(content: bytes, where: str, context: Collection[str]) -> Iterator[str]:
    """A line for each source of a COPY or an ADD that is not there.

    Args:
        content: The Dockerfile.
        where: What problems call it.
        context: Relative paths of the context's files and directories.
    """
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return
    file: Any = BytesIO(content)  # the library reads bytes, its stubs say str
    for found in DockerfileParser(fileobj=file, env_replace=False).structure:
        if (name := found["instruction"]) in ("COPY", "ADD"):
            for source in _sources(found["value"]):
                if not matching(source, context):
                    line = found["startline"] + 1
                    yield f"{where}:{line}: {name} {source}: no such file beside the Dockerfile."


def _sources(value: str) -> list[str]:
    """What is surely meant to be beside the Dockerfile."""
    parts = value.split()
    flags = [part for part in parts if part.startswith("--")]
    rest = [part for part in parts if not part.startswith("--")]
    if any(flag.startswith("--from") for flag in flags) or "<<" in value:
        return []
    if rest and rest[0].startswith("["):
        try:
            rest = json.loads(" ".join(rest))
        except ValueError:
            return []
    odd = ("$", "://", "git@", "..", '"', "'", "\\")
    return [str(one) for one in rest[:-1] if not any(sign in str(one) for sign in odd)]


def matching(source: str, context: Collection[str]) -> list[str]:
    """A source's paths in the context, sorted; a wildcard never crosses a `/`."""
    path = posixpath.normpath(posixpath.join("/", source)).lstrip("/")
    if not path:
        return ["."]
    pattern = path.split("/")
    found: set[str] = set()
    for file in context:
        parts = file.split("/")[: len(pattern)]
        if len(parts) == len(pattern) and all(map(fnmatchcase, parts, pattern)):
            found.add("/".join(parts))
    return sorted(found)
