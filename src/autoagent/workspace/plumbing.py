"""The one place that starts a git program, and only ever over a repository of our own.

The user's repository is never git's `--git-dir`: its hooks, filters, aliases and includes
are somebody else's code. Our repository borrows the user's objects, which are inert.
"""

import os
import shutil
import subprocess
from pathlib import Path

from autoagent.errors import WorkspaceError

_SECONDS = 120


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
    }
    try:
        done = subprocess.run(
            [program, f"--git-dir={own_repository}", *arguments],
            input=given,
            capture_output=True,
            cwd=own_repository,
            env=environment,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        said = bytes(getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
        raise WorkspaceError(f"`git {' '.join(arguments)}` failed: {said or error}.") from error
    return done.stdout
