"""The one place that starts a git program, and only ever over a repository of our own or none.

The user's repository is never git's `--git-dir`: its hooks, filters, aliases and includes
are somebody else's code. Our repository borrows the user's objects, which are inert.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from autoagent.errors import WorkspaceError

_SECONDS = 120
_FEWEST_CONFLICTS, _MOST_CONFLICTS = 1, 127
"""What `git merge-file` exits with where it merged and found that many, or more."""

_NO_CONFIG = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def forget_git_environment() -> None:
    """Remove every GIT_* variable from this process and point git at no configuration.

    GitPython asks them where objects, work trees and repositories are, and a process that
    is started from here would inherit them (threat D9).
    """
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ.update(_NO_CONFIG)


def run_git(own_repository: Path, *arguments: str, given: bytes = b"") -> bytes:
    """Run a plumbing command: no configuration but the repository's, no inherited GIT_*.

    Raises:
        WorkspaceError: git is missing, or says why it failed.
    """
    done = _run(own_repository, [f"--git-dir={own_repository}", *arguments], given)
    if done.returncode:
        raise _failed(arguments, done.stderr)
    return done.stdout


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
        arguments = ["merge-file", "-p", "-q", "ours", "base", "theirs"]
        # No repository above the temporary directory is looked for.
        done = _run(place, arguments, GIT_CEILING_DIRECTORIES=str(place.parent))
    if done.returncode in range(_FEWEST_CONFLICTS, _MOST_CONFLICTS + 1):
        return None
    if done.returncode:
        raise _failed(arguments, done.stderr)
    return done.stdout


def _run(
    directory: Path, arguments: Sequence[str], given: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("git")
    if program is None:
        raise WorkspaceError("git is not installed. Install it to climb in a git repository.")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": os.devnull,
        **_NO_CONFIG,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **variables,
    }
    try:
        return subprocess.run(
            [program, *arguments],
            input=given,
            capture_output=True,
            cwd=directory,
            env=environment,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(arguments, str(error).encode()) from error


def _failed(arguments: Sequence[str], said: bytes) -> WorkspaceError:
    told = said.decode(errors="replace").strip() or "it said nothing"
    return WorkspaceError(f"`git {' '.join(arguments)}` failed: {told}.")
