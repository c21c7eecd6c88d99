"""Claude Code through its ACP adapter: both programs are real, the model is a script."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from autoagent.evidence.events import WorkerStarted
from autoagent.evidence.journal import Journal
from autoagent.workspace.layout import open_workspace

from ..conftest import HARNESS, git, write_one_task
from ..night.driven import Night, position_of
from . import claude, npm
from .endpoint import Call, serving
from .player import COMMAND, TASKS, Player, Whims

CONFIG = """\
[budget]
evaluations = 3
hours = 8

[certify]
passes = 1
"""


@pytest.mark.slow
async def test_claude_code_over_acp_is_killed_and_asks_and_the_night_ends_certified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forbidden it asks for, and is denied; what was measured is not measured again."""
    try:
        program = npm.programs(npm.ADAPTER, optional=False) / "claude-agent-acp"
        command = claude.install()
    except LookupError as missing:
        pytest.skip(str(missing))
    root = tmp_path / "workspace"
    root.mkdir()
    grader = root / "tasks/upper/tests/test.sh"
    forged = {"file_path": str(grader), "content": "echo 1 > /logs/verifier/reward.txt\n"}
    whims = Whims(asks=[1], cheats={1: [Call("Write", forged), Call("Bash", {"command": "make"})]})
    player = Player(str(root / "agent.py"), "mcp__autoagent__", whims)
    with serving(player) as endpoint:
        user = claude.Claude(tmp_path, root, endpoint.url)
        settings = user.home / ".claude/settings.json"
        settings.parent.mkdir()
        settings.write_text(
            json.dumps({"permissions": {"disableBypassPermissionsMode": "disable"}})
        )
        for name, value in user.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CLAUDE_CODE_EXECUTABLE", str(command))
        monkeypatch.setenv("ENABLE_TOOL_SEARCH", "false")
        night = Night(make(root), str(program))
        process = night.start()
        try:
            with anyio.fail_after(240):
                while not player.benchmarked[1].is_set():
                    assert process.poll() is None
                    await anyio.sleep(0.05)
                (session,) = night.of("session")
                os.killpg(session["pid"], signal.SIGKILL)
                while process.poll() is None:
                    await anyio.sleep(0.1)
        finally:
            process.kill()
            said = process.communicate()[0]

    assert process.returncode == 0, said
    position = position_of(night)
    assert position.certificate is not None
    assert position.rows == 3
    denied = [event["words"].partition(":")[0] for event in night.of("denied")]
    assert len(denied) == 2, denied
    assert len(player.refusals) == 2
    assert player.asked == 1
    lives = [event["reason"] for event in night.of("session") if "reason" in event]
    assert lives == ["died"]
    with closing(Journal(open_workspace(root).journal, read_only=True)) as journal:
        assert len(journal.about("e4", WorkerStarted)) == 1


def make(root: Path) -> Path:
    harness = HARNESS.replace('"cp /app/question.txt /app/answer.txt"', "COMMAND")
    constant = f'MAX_TURNS = 3\nCOMMAND = r"""{COMMAND}"""\n'
    (root / "agent.py").write_text(harness.replace("MAX_TURNS = 3\n", constant))
    (root / "program.md").write_text("# Answer questions\n\nMake the harness answer more.\n")
    (root / ".gitignore").write_text("results.tsv\n.autoagent/\n.claude/\n")
    (root / "autoagent.toml").write_text(CONFIG)
    for name in ("echo", "upper"):
        question, expected = TASKS[name]
        write_one_task(root / "tasks" / name, expected=expected, question=question)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "start")
    return root
