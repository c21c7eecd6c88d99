"""Programs of others from npm, as their users have them: pinned, and kept in .tools."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

CLAUDE = "@anthropic-ai/claude-code@2.1.332"
ADAPTER = "@agentclientprotocol/claude-agent-acp@0.101.0"
"""Claude Code over ACP; it brings a Claude Code of its own, if it may."""
CODEX = "@openai/codex@0.171.0"
OPENCODE = "opencode-ai@1.18.33"
GEMINI = "@google/gemini-cli@0.61.0"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
CONFORMANCE = "@modelcontextprotocol/conformance@0.1.16"
MCPB = "@anthropic-ai/mcpb@2.1.2"
NODE = "node@22.23.3"
"""For programs that need more than the machine's."""


def programs(*packages: str, optional: bool = True) -> Path:
    """The directory of the packages' programs, each package fetched once.

    Without `optional` what they would like to have besides is not fetched.

    Raises:
        LookupError: There is no npm, or it could not fetch one; says which.
    """
    place = ROOT / ".tools/npm" / "+".join(p.replace("/", "_") for p in packages)
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "fetched").exists():
            if shutil.which("npm") is None:
                raise LookupError(f"npm is not installed, and {packages[0]} comes from there")
            quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--silent")
            command = ["npm", "install", *quiet, "--prefix", str(place), *packages]
            command += [] if optional else ["--omit=optional"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise LookupError(f"npm could not fetch {packages}: {done.stderr.strip()[-300:]}")
            (place / "fetched").touch()
    return place / "node_modules/.bin"


def path_with(*packages: str) -> str:
    """A PATH that has the packages' programs first."""
    return f"{programs(*packages)}{os.pathsep}{os.environ['PATH']}"
