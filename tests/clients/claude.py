"""Claude Code as its users have it: installed from npm, with a home of its own and no network.

Its model is a scripted endpoint. Nothing of the user who runs the tests is read or written.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

VERSION = "2.1.332"
ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".tools" / f"claude-code-{VERSION}"
KEY = "sk-ant-no-key-at-all-0123456789"


def install() -> Path:
    """The program, fetched once per version into .tools.

    Raises:
        LookupError: There is no npm, or it could not fetch it; says which.
    """
    program = PLACE / "node_modules/.bin/claude"
    PLACE.parent.mkdir(exist_ok=True)
    with (PLACE.parent / "claude-code.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            if shutil.which("npm") is None:
                raise LookupError("npm is not installed, and Claude Code comes from there")
            quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
            package = f"@anthropic-ai/claude-code@{VERSION}"
            command = ["npm", "install", *quiet, "--prefix", str(PLACE), package]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise LookupError(f"npm could not fetch {package}: {done.stderr.strip()[-300:]}")
    return program


class Claude:
    """One user's Claude Code in one workspace."""

    def __init__(self, directory: Path, workspace: Path, url: str) -> None:
        """Keep everything below `directory`; the model's API is at `url`."""
        self.program, self.workspace = str(install()), workspace
        self.home = directory / "home"
        self.home.mkdir()
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000",
            "AUTOAGENT_STATE_DIR": str(directory / "state"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        if "PYTEST_XDIST_WORKER" in os.environ:
            pass

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command that ends by itself; what it says and its exit code."""
        return subprocess.run(
            [self.program, *arguments],
            cwd=self.workspace,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command that somebody may kill."""
        return subprocess.Popen(
            [self.program, *arguments],
            cwd=self.workspace,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
