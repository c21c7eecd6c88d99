"""Our own three workspaces, of which a review has nothing to say."""

import shutil
from pathlib import Path

from ..conftest import git

ROOT = Path(__file__).parents[2]
OURS = {
    "glowup": ROOT,
    "quickstart": ROOT / "examples/quickstart",
    "aps": ROOT / "examples/aps-phone-setup",
}


def copied(workspace: Path, root: Path) -> Path:
    """What of a workspace a climb is about, in a repository of its own."""
    root.mkdir()
    for part in ("tasks", "base", "agent.py", "autoagent.toml", "program.md"):
        place = workspace / part
        (shutil.copytree if place.is_dir() else shutil.copy)(place, root / part)
    git(root, "init", "-q")
    return root
