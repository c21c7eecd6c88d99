"""Other people's agents over ACP: the programs are real, the model is a script."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from autoagent.evidence.events import TrialFinished
from autoagent.evidence.journal import Journal
from autoagent.workspace.layout import open_workspace

from ..conftest import HARNESS, git, write_one_task
from ..night.driven import Night, position_of
from . import claude, forms, npm
from .endpoint import FORMS, Answer, Asked, Call, serving
from .player import ANCHOR, COMMAND, IDEAS, TASKS, Player, Whims

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
        measured = [entry.event.trial for entry in journal.about("e4", TrialFinished)]
    trials = [(trial.task, trial.attempt, trial.side) for trial in measured]
    assert len(trials) == len(set(trials)) == 2


OPENCODE_ASKS = {"*": "ask", "read": "allow", "glob": "allow", "grep": "allow"}
"""Without such settings, or the file that `autoagent init` writes, it asks for nothing."""


@pytest.mark.slow
def test_opencode_names_our_tools_as_the_policy_expects_and_shows_what_it_edits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal ends its turn; it is told to go on."""
    try:
        program = npm.programs(npm.OPENCODE) / "opencode"
    except LookupError as missing:
        pytest.skip(str(missing))
    root = tmp_path / "workspace"
    root.mkdir()
    assert forms.FORMS is FORMS  # importing them adds what it speaks
    night = Night(make(root), f"{program} acp")
    with serving(Opencode(root / "agent.py")) as endpoint:
        model = {
            "model": "scripted/model",
            "permission": OPENCODE_ASKS,
            "provider": {
                "scripted": {
                    "npm": "@ai-sdk/openai-compatible",
                    "models": {"model": {}},
                    "options": {"baseURL": f"{endpoint.url}/v1", "apiKey": "none"},
                }
            },
        }
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.setenv("OPENCODE_CONFIG_CONTENT", json.dumps(model))
        monkeypatch.setenv("OPENCODE_DISABLE_MODELS_FETCH", "1")
        code, said = night.play()

    assert code == 0, said
    granted = [event["words"] for event in night.of("granted")]
    assert str(root / "agent.py") in granted
    assert {name for name in granted if name.startswith("autoagent_")} == {
        f"autoagent_{name}"
        for name in ("status", "start_climb", "run_benchmark", "append_result", "finish_climb")
    }
    (denied,) = night.of("denied")
    assert denied["call"]["rawInput"] == {"command": "make"}
    aside = open_workspace(root).state / "aside"  # it was edited, never committed, and moved there
    assert any(Opencode.BRANCH in path.read_text() for path in aside.rglob("agent.py"))


class Opencode:
    """A script: a baseline, an edit, a command that is denied, the end."""

    BRANCH = IDEAS[0].branch

    def __init__(self, harness: Path) -> None:
        read, new = {"filePath": str(harness)}, f"{self.BRANCH}\n{ANCHOR}"
        self._calls = [
            *map(Call, ("status", "start_climb", "run_benchmark", "append_result")),
            Call("read", read),
            Call("edit", read | {"oldString": ANCHOR, "newString": new}),
            Call("bash", {"command": "make", "description": "make"}),
            Call("finish_climb"),
        ]

    def __call__(self, asked: Asked) -> Answer:
        if not asked.tools or not self._calls:
            return Answer("A climb")
        call = self._calls.pop(0)
        given = {"tag": "night"} if call.name == "start_climb" else dict(call.arguments)
        name = call.name if call.arguments else f"autoagent_{call.name}"
        return Answer("", [Call(name, given)])


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
