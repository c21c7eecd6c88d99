"""The one place that starts a git program, and only ever over a repository of our own or none.

The user's repository is never git's `--git-dir`: its hooks, filters, aliases and includes
are somebody else's code. Its objects are inert: they may be read beside our own.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from git import Git, GitCommandNotFound

from autoagent.errors import WorkspaceError

_SECONDS = 120
_FEWEST_CONFLICTS, _MOST_CONFLICTS = 1, 127
"""What `git merge-file` exits with where it merged and found that many, or more."""

_NO_CONFIG = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def object_name(kind: bytes, data: bytes) -> str:
    """The SHA-1 that git gives an object."""
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def run_git(own_repository: Path, *arguments: str, given: bytes = b"", **variables: str) -> bytes:
    """Run a plumbing command: no configuration but the repository's, no inherited GIT_*.

    Raises:
        WorkspaceError: git is missing, or says why it failed.
    """
    command = (f"--git-dir={own_repository}", *arguments)
    code, out, err = _run(own_repository, command, given, variables)
    if code:
        raise _failed(arguments, err)
    return out


def merge_text(ours: bytes, base: bytes, theirs: bytes) -> bytes | None:
    """Make the change `base → theirs` to `ours`, line by line; None where they conflict.

    Bytes that git takes for no text conflict as well.

    Raises:
        WorkspaceError: git is missing, or says why it failed.
    """
    if any(b"\0" in side for side in (ours, base, theirs)):
        return None
    with tempfile.TemporaryDirectory() as made:
        place = Path(made).resolve()
        for name, data in (("ours", ours), ("base", base), ("theirs", theirs)):
            (place / name).write_bytes(data)
        arguments = ("merge-file", "-p", "-q", "ours", "base", "theirs")
        # No repository above the temporary directory is looked for.
        code, out, err = _run(place, arguments, b"", {"GIT_CEILING_DIRECTORIES": str(place.parent)})
    if code in range(_FEWEST_CONFLICTS, _MOST_CONFLICTS + 1):
        return None
    if code:
        raise _failed(arguments, err)
    return out


def _run(
    directory: Path, arguments: Sequence[str], given: bytes, variables: dict[str, str]
) -> tuple[int, bytes, bytes]:
    """What a git program exits with and prints."""
    _forget_git_environment()
    environment = {
        "HOME": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        **variables,
    }
    try:
        process = Git(directory).execute(
            ["git", *arguments], istream=subprocess.PIPE, as_process=True, env=environment
        )
    except GitCommandNotFound as error:
        raise WorkspaceError(
            "git is not installed. Install it to climb in a git repository."
        ) from error
    try:
        out, err = process.communicate(given, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise _failed(arguments, str(error).encode()) from error
    return process.returncode, out, err


def _forget_git_environment() -> None:
    """Remove every GIT_* variable from this process and point git at no configuration.

    They say where objects, work trees and repositories are, and a process that is started
    from here inherits them (threat D9).
    """
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.update(_NO_CONFIG)


def _failed(arguments: Sequence[str], said: bytes) -> WorkspaceError:
    told = said.decode(errors="replace").strip() or "it said nothing"
    return WorkspaceError(f"`git {' '.join(arguments)}` failed: {told}.")
