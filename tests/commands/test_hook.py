"""`autoagent hook`: what a client's hooks are told, beside a referee whose trials are scripted."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.during import hook
from autoagent.errors import InfrastructureFault
from autoagent.evidence.position import Position
from autoagent.referee.referee import Referee
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

ROOT = Path(__file__).parents[2]
FOUR = {"t1": [1.0], "t2": [1.0], "t3": [1.0], "t4": [1.0]}
PLAYED = '{"name":"mcp__plugin_autoagent_autoagent__run_benchmark","input":{}}'
"""What a transcript has of a session that plays."""

Ask = Callable[..., Any]


@pytest.fixture
def workspace(make_workspace: Callable[..., Path]) -> Path:
    return make_workspace(config="[budget]\nevaluations = 2\nhours = 8\n[certify]\npasses = 0\n")


@pytest.fixture
def referee(open_referee: Callable[[Engine], Referee]) -> Referee:
    """A referee whose climb has a baseline, and of which everything is shown."""
    opened = open_referee(ScriptedEngine({"t1": [1.0]}, FOUR))
    opened.start_climb("night")
    until(opened, "baseline_needed")
    opened.run_benchmark()
    until(opened, "evaluated")
    opened.append_result()
    opened.show()
    return opened


def until(referee: Referee, phase: str) -> Position:
    while referee.position.phase != phase:
        referee.advance()
    return referee.position


@pytest.fixture
def ask(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Put a question as the client does; the answer as data, or None where nothing was said."""
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text(PLAYED)
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(workspace))

    def one(event: str, **facts: Any) -> Any:
        asked = {"hook_event_name": event, "transcript_path": str(transcript)} | facts
        said = io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(json.dumps(asked)))
            patch.setattr(sys, "stdout", said)
            hook.main()
        return json.loads(said.getvalue()) if said.getvalue() else None

    return one


def permission(answer: Any) -> tuple[str, str] | None:
    """The decision of an answer, and its reason."""
    told = answer and answer["hookSpecificOutput"]
    return told and (told["permissionDecision"], told["permissionDecisionReason"])


def test_a_hook_has_its_answer_in_a_fraction_of_a_second_and_imports_nothing_heavy(
    referee: Referee, workspace: Path
) -> None:
    """A client waits for it at every edit."""
    command = [sys.executable, "-X", "importtime", "-m", "autoagent", "hook"]
    asked = json.dumps({"hook_event_name": "SessionStart"})
    environment = os.environ | {"CLAUDE_PROJECT_DIR": str(workspace)}
    done = subprocess.run(
        command, input=asked, env=environment, capture_output=True, text=True, check=True
    )
    assert "climb night is being played" in done.stdout
    loaded = {line.split("|")[-1].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert loaded & {"pydantic", "mcp", "harbor", "typer", "git", "anyio"} == set()


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"file_path": "tasks/t1/tests/test.sh"}, "is frozen while climb night is played"),
        ({"file_path": "tasks/t1/instruction.md"}, "is frozen"),
        ({"file_path": "program.md"}, "If program.md is wrong, tell the human"),
        ({"file_path": "autoagent.toml"}, "is frozen"),
        ({"file_path": ".autoagent/status.json"}, "is frozen"),
        ({"file_path": "results.tsv"}, "written from the journal alone"),
        ({"notebook_path": "analysis.ipynb"}, "the candidate is agent.py above the boundary"),
        ({"file_path": ".agent/../program.md"}, "is frozen"),
        ({"file_path": "link/program.md"}, "is frozen"),
        ({"old_string": "duration_ms", "new_string": "x", "replace_all": True}, "the fixed"),
        ({"old_string": 'return "autoagent"', "new_string": 'return "x"'}, "below the boundary"),
        ({"content": "print()\n"}, "below the boundary"),
    ],
)  # fmt: skip
def test_an_edit_of_what_is_frozen_is_denied_with_the_reason(
    referee: Referee, workspace: Path, ask: Ask, edit: dict[str, Any], reason: str
) -> None:
    """Rule R1: whatever the permissions are, and by whatever name a file is called."""
    (workspace / "link").symlink_to(".")
    place = {} if "notebook_path" in edit else {"file_path": edit.get("file_path", "agent.py")}
    place = {name: str(workspace / value) for name, value in place.items()}

    answer = ask("PreToolUse", tool_name="Edit", tool_input=edit | place)

    decision, said = permission(answer) or ("", "")
    assert decision == "deny"
    assert reason in said


def test_the_referees_own_files_are_denied_wherever_they_are(referee: Referee, ask: Ask) -> None:
    journal = str(referee.workspace.journal)
    answer = ask("PreToolUse", tool_name="Write", tool_input={"file_path": journal})
    decision, said = permission(answer) or ("", "")
    assert (decision, "call its tools" in said) == ("deny", True)


def test_what_a_candidate_is_may_be_edited_without_asking(
    referee: Referee, workspace: Path, ask: Ask
) -> None:
    """Nobody is there at night to grant a permission."""
    harness = {"file_path": str(workspace / "agent.py")}
    above = harness | {"old_string": "MAX_TURNS = 3", "new_string": "MAX_TURNS = 4"}
    whole = harness | {"content": (workspace / "agent.py").read_text().replace("import time\n", "")}
    note = {"file_path": str(workspace / ".agent/notes/ideas.md"), "content": "x"}
    for edit in (above, whole, note):
        answer = ask("PreToolUse", tool_name="Edit", tool_input=edit)
        assert (permission(answer) or ("",))[0] == "allow"
    answer = ask("PreToolUse", tool_name="mcp__plugin_autoagent_autoagent__status", tool_input={})
    assert (permission(answer) or ("",))[0] == "allow"


@pytest.mark.parametrize(
    ("command", "granted"),
    [
        (str(Path(sys.executable).with_name("autoagent")), True),
        ("/bin/cat", False),
        ("none", False),
    ],
)
def test_a_server_of_the_project_is_ours_only_where_it_is_this_program(
    workspace: Path, ask: Ask, command: str, granted: bool
) -> None:
    """A project that names its own program `autoagent` is not granted anything."""
    server = {"autoagent": {"command": command, "args": ["serve"]}}
    (workspace / ".mcp.json").write_text(json.dumps({"mcpServers": server}))
    answer = ask("PreToolUse", tool_name="mcp__autoagent__run_benchmark", tool_input={})
    assert (answer is not None) == granted


def test_files_elsewhere_and_those_of_no_climb_are_left_to_the_humans_permissions(
    referee: Referee, workspace: Path, tmp_path: Path, ask: Ask
) -> None:
    program = {"file_path": str(workspace / "program.md"), "content": "x"}
    elsewhere = {"file_path": str(tmp_path / "x"), "content": "x"}
    assert ask("PreToolUse", tool_name="Write", tool_input=elsewhere) is None
    referee.finish_climb()
    referee.show()
    assert ask("PreToolUse", tool_name="Write", tool_input=program) is None


def test_a_session_that_stops_is_sent_on_while_budget_and_time_remain(
    referee: Referee, ask: Ask
) -> None:
    answer = ask("Stop", stop_hook_active=True)
    assert answer["decision"] == "block"
    assert "phase idle; left: 1 evaluations, 8.0 h" in answer["reason"]
    assert "Next: commit_candidate(description)." in answer["reason"]


def test_a_session_that_does_not_play_may_stop(referee: Referee, ask: Ask, tmp_path: Path) -> None:
    """Its transcript has the tools' definitions, and a look at where the climb stands."""
    other = tmp_path / "other.jsonl"
    other.write_text(
        PLAYED.replace("run_benchmark", "status") + PLAYED.replace('"input"', '"description"')
    )
    assert ask("Stop", transcript_path=str(other)) is None


@pytest.mark.parametrize("ends", ["stopped", "out of time"])
def test_whose_budget_is_used_up_is_sent_to_the_certificate_and_then_let_go(
    referee: Referee, workspace: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Rule R10: a STOP file and the clock end a climb, also between two moves of it."""
    if ends == "stopped":
        (workspace / "STOP").touch()
    else:
        later = time.time() + 9 * 3600
        monkeypatch.setattr(time, "time", lambda: later)
    answer = ask("Stop")
    assert "Next: finish_climb()." in answer["reason"]
    referee.finish_climb()
    referee.show()
    assert ask("Stop") is None


def test_a_trouble_that_only_the_human_can_mend_lets_the_session_go(
    referee: Referee, ask: Ask
) -> None:
    referee.refused(InfrastructureFault("The key is refused.", "tell the human to mend the key"))
    referee.show()
    assert ask("Stop") is None


def test_a_session_that_starts_hears_where_the_climb_stands(referee: Referee, ask: Ask) -> None:
    """After a compaction, a crash or a new start."""
    told = ask("SessionStart", source="compact")["hookSpecificOutput"]["additionalContext"]
    short = referee.status().incumbent
    assert short is not None
    assert told == (
        "AutoAgent: climb night is being played, phase idle, 1 ledger rows. Incumbent "
        f"{short.candidate.short} passes 1/4; the baseline passed 1. Budget left: 1 evaluations, "
        "8.0 h. Next: commit_candidate(description). status() tells more; the plan, the ideas and "
        "what was tried are in program.md, results.tsv and .agent/."
    )
    referee.finish_climb()
    referee.show()
    told = ask("SessionStart", source="startup")["hookSpecificOutput"]["additionalContext"]
    assert "climb night is over, phase finished" in told
    assert "Not certified: nothing was kept" in told


@pytest.mark.parametrize("left", ["nothing", "no JSON", "something else"])
def test_where_no_climb_was_started_a_hook_says_nothing(
    workspace: Path, ask: Ask, left: str
) -> None:
    """The plugin is in every project of its user."""
    if left != "nothing":
        (workspace / ".autoagent").mkdir()
        (workspace / ".autoagent/status.json").write_text("{}" if left == "something else" else "{")
    for event in ("SessionStart", "Stop", "UserPromptSubmit"):
        assert ask(event) is None
    edit = {"file_path": str(workspace / "program.md"), "content": "x"}
    assert ask("PreToolUse", tool_name="Write", tool_input=edit) is None
