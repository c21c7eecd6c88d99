"""docs/first-hour.md, as it is written: from a fresh clone, in a fresh home."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ..commands.test_snippets import committed

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/first-hour.md").read_text()
ENGINEER, RESEARCHER, MORNING = re.findall(r"^```bash\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
FAILED = """        failed = f"\\nexit code {done.return_code}" if done.return_code else ""
        return f"{done.stdout or ''}{done.stderr or ''}{failed}"
"""
SIMPLER = """        return f"{done.stdout or ''}{done.stderr or ''}"
"""


class Stranger:
    """Somebody who has just cloned the repository, and an agent with an idea."""

    def __init__(self, home: Path, place: Path) -> None:
        """Clone into `home`; what is cloned lies in `place`."""
        self.home, clone = home, home / "autoagent"
        subprocess.run(["git", "clone", "-q", committed(place), clone], check=True)
        bin, memory = home / "bin", home / "memory"
        bin.mkdir()
        memory.mkdir()
        start = f'#!/bin/sh\nPYTHONPATH={clone}/src exec {sys.executable} -m autoagent "$@"\n'
        (bin / "autoagent").write_text(start)
        (bin / "autoagent").chmod(0o755)
        ideas = [("Without exit codes", FAILED, SIMPLER)]
        (memory / "ideas.json").write_text(json.dumps(ideas))
        agent = [sys.executable, str(clone / "tests/night/agent.py"), str(memory)]
        who = {"NAME": "A Stranger", "EMAIL": "stranger@localhost"}
        self.environment = {
            "HOME": str(home),
            "PATH": f"{bin}:{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "AGENT": shlex.join(agent),
            **{f"GIT_{role}_{k}": v for role in ("AUTHOR", "COMMITTER") for k, v in who.items()},
        }

    def types(self, script: str, where: Path) -> str:
        """Play a script, each command of which has to succeed; what it printed."""
        ended = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
        done = subprocess.run(
            ["bash", "-euc", ended + script],
            cwd=where,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture
def stranger(tmp_path: Path) -> Stranger:
    home = tmp_path / "home"
    home.mkdir()
    return Stranger(home, tmp_path)


def commands(script: str) -> int:
    """Commands that are typed; a loop is one, and so is a file that is written."""
    script = re.sub(r"^for .*?done$", "loop", script, flags=re.DOTALL | re.MULTILINE)
    script = re.sub(r"<<'END'\n.*?^END$", "", script, flags=re.DOTALL | re.MULTILINE)
    return len(script.strip().splitlines())


def test_no_role_takes_more_commands_than_it_may() -> None:
    assert commands(ENGINEER) <= 10
    assert commands(MORNING) <= 3


@pytest.mark.slow
def test_an_engineer_climbs_and_whoever_decides_merges_in_the_morning(stranger: Stranger) -> None:
    """A simpler harness is kept, certified, and merged as typed."""
    printed = stranger.types(ENGINEER, stranger.home)
    workspace = stranger.home / "support"
    assert "Ready." in printed
    assert "5/5 passed" in printed
    before = (workspace / "agent.py").read_text()
    assert FAILED in before, "the files are the human's again"

    decided = stranger.types(MORNING, workspace)
    assert "night" in decided
    assert (workspace / "agent.py").read_text() == before.replace(FAILED, SIMPLER)
    assert not stranger.types("git status --porcelain", workspace)


@pytest.mark.slow
def test_a_researcher_plays_sixty_tasks_with_a_holdout(stranger: Stranger) -> None:
    """Three attempts each, by the rules that autoagent.toml sets; it can be audited."""
    printed = stranger.types(RESEARCHER, stranger.home)
    workspace = stranger.home / "suite"
    assert "Ready." in printed
    (found,) = json.loads((workspace / "night.json").read_text())["climbs"]
    assert "150/150" in (workspace / "results.tsv").read_text()
    assert "held-1" not in (workspace / "results.tsv").read_text()
    assert found["certificate"]["holdout"]["pairs"] == 30
    stranger.types("autoagent verify", workspace)
