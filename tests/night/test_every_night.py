"""What docs/night.md has for systemd and cron starts a night, in a fresh home."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Scripted

PLACE = Path(__file__).parents[2] / "docs/night"
CONFIG = "[night]\nsessions = 1\nagent = {agent}\n"


@pytest.fixture
def home(make_night: Callable[[str], Scripted], tmp_path: Path) -> Path:
    """A home with a workspace and our command where the files expect them; its agent only talks."""
    night = make_night("")
    night.wants("chatter")
    words = ", ".join(f'"{word}"' for word in night.agent.split())
    (night.root / "autoagent.toml").write_text(CONFIG.format(agent=f"[{words}]"))
    home = tmp_path / "home"
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/autoagent").symlink_to(Path(sys.executable).with_name("autoagent"))
    night.root.rename(home / "my-agent")
    return home


def run(home: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
    return subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_the_line_for_cron_starts_a_night_that_ends_by_itself(home: Path) -> None:
    """Its agent says the same three times and does nothing: that is one session, and no climb."""
    (line,) = (PLACE / "crontab").read_text().splitlines()
    *when, command = line.split(maxsplit=5)

    done = run(home, "/bin/sh", "-c", command)

    assert when == ["0", "23", "*", "*", "*"]
    assert done.returncode == 1, done.stderr
    assert "the agent ends its turns and nothing comes of them" in done.stdout
    assert "the agent had all its sessions (night.sessions); nothing was started" in done.stdout


def test_systemd_takes_the_service_and_the_timer(home: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here to verify the units with")
    units = [PLACE / "autoagent-night.service", PLACE / "autoagent-night.timer"]

    for unit in units:
        done = run(home, program, "verify", "--user", "--man=no", str(unit))
        ours = [line for line in done.stderr.splitlines() if unit.name in line]
        assert ours == [], done.stderr
    command: Any = [line for line in units[0].read_text().splitlines() if "ExecStart=" in line]
    cron = (PLACE / "crontab").read_text()
    assert command[0].partition("autoagent night")[2] == cron.strip().partition('" night')[2]
