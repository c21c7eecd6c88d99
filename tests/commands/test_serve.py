"""`autoagent serve` starts at once; the rest of the command line explains itself."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("typer", "harbor", "litellm", "docker")


def test_a_client_waits_for_no_command_line_when_the_server_starts(workspace: Path) -> None:
    """At end of file the server ends; what it imported meanwhile is on stderr, one name a line."""
    command = [sys.executable, "-X", "importtime", "-m", "autoagent", "serve"]
    done = subprocess.run(
        [*command, "--workspace", str(workspace)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    times = [line.split("|") for line in done.stderr.splitlines() if line.startswith("import time")]
    imported = {parts[-1].strip() for parts in times}
    assert "mcp" in imported
    assert imported.isdisjoint(HEAVY)
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["serve", "init", "doctor", "run", "verify", "demo"])
def test_every_command_explains_itself(autoagent: Any, command: str) -> None:
    code, printed = autoagent(command, "--help")

    assert code == 0
    assert "Usage" in printed


def test_a_mistyped_option_is_a_usage_error(autoagent: Any) -> None:
    code, printed = autoagent("serve", "--worspace", ".")

    assert code == 2
    assert "worspace" in printed


def test_the_clients_project_is_the_workspace_where_none_is_named(
    autoagent: Any, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(workspace))

    code, found = autoagent.json("doctor")

    assert code == 0
    assert any(str(workspace) in check["detail"] for check in found["checks"])
