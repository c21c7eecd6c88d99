"""`autoagent init`: a workspace that works, and nothing of the human's is lost."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import tomli

from autoagent.commands.before.init import HARNESSES, TEMPLATES, Template, make_workspace
from autoagent.config import Config, load_config
from autoagent.errors import WorkspaceError


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout


def test_a_new_workspace_passes_the_doctor(autoagent: Any, tmp_path: Path) -> None:
    code, _ = autoagent("init", tmp_path / "new")
    assert code == 0

    code, found = autoagent.json("doctor", "--workspace", tmp_path / "new")

    assert code == 0
    assert [row for row in found["checks"] if row["state"] == "fail"] == []


@pytest.mark.slow
def test_a_new_workspace_passes_its_task_with_the_harness_and_with_the_oracle(
    autoagent: Any, tmp_path: Path
) -> None:
    autoagent("init", tmp_path / "new")

    for arguments in ([], ["--oracle"]):
        code, printed = autoagent("run", "--workspace", tmp_path / "new", *arguments)

        assert code == 0
        assert re.search(r"hello +passed +1\.00", printed)
        assert "1/1 passed" in printed
        assert "harbor view" in printed


def test_a_new_workspace_is_a_clean_repository_with_one_commit(tmp_path: Path) -> None:
    made = make_workspace(tmp_path / "new")

    assert "first commit" in made.repository
    assert git(made.root, "rev-list", "--count", "HEAD").strip() == "1"
    assert git(made.root, "status", "--porcelain") == ""
    assert set(git(made.root, "ls-files").split()) == set(made.created)


def test_inside_a_repository_nothing_is_committed_and_that_is_said(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    made = make_workspace(tmp_path / "inside")

    assert f"{tmp_path} is a git repository already" in made.repository
    assert not (tmp_path / "inside" / ".git").exists()
    assert git(tmp_path, "status", "--porcelain").startswith("?? inside/")


def test_files_that_exist_are_listed_and_left_alone(autoagent: Any, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("mine")
    (tmp_path / "program.md").symlink_to("nowhere")
    (tmp_path / "tasks" / "my-task").mkdir(parents=True)

    code, printed = autoagent("init", tmp_path)

    assert code == 0
    assert {"agent.py", "program.md", "tasks/"} == set(re.findall(r"skipped +(\S+) ", printed))
    assert (tmp_path / "agent.py").read_text() == "mine"
    assert (tmp_path / "program.md").is_symlink()
    assert not (tmp_path / "tasks" / "hello").exists()


def test_making_a_workspace_twice_makes_nothing_the_second_time(tmp_path: Path) -> None:
    first = make_workspace(tmp_path)
    second = make_workspace(tmp_path)

    assert second.created == ()
    assert set(second.skipped) == set(first.created)


def test_a_file_in_the_place_of_a_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "tasks").write_text("not a directory")

    with pytest.raises(WorkspaceError, match="tasks.*not complete"):
        make_workspace(tmp_path)


def test_the_config_template_names_every_key_with_its_default() -> None:
    """A key without a default is shown with an example, and its comment says so."""
    lines = (TEMPLATES / "autoagent.toml").read_text().splitlines()
    bare = [re.sub(r"^# (?=\w+ = )", "", line) for line in lines]
    optional = {line.split(" = ")[0] for line in bare if "# no default" in line}
    shown = tomli.loads("\n".join(bare))
    defaults = Config().model_dump(mode="json", by_alias=True)

    Config.model_validate(shown)
    assert flat(shown).keys() == flat(defaults).keys()
    for (table, key), default in flat(defaults).items():
        assert (key in optional) == (default is None)
        assert default is None or flat(shown)[table, key] == default


def flat(tables: dict[str, Any], table: str = "") -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for name, value in tables.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{table}.{name}")
        else:
            found[table, name] = value
    return found


def test_the_client_is_told_to_load_the_tools_at_once(tmp_path: Path) -> None:
    make_workspace(tmp_path)

    server = server_of(tmp_path)

    assert server["args"] == ["serve"]
    assert server["alwaysLoad"] is True


def test_no_client_stops_to_ask_for_what_a_climb_needs(tmp_path: Path) -> None:
    """Each is set up to start the server and to let its tools, looks and edits through."""
    make_workspace(tmp_path)

    def read(path: str) -> dict[str, Any]:
        return json.loads((tmp_path / path).read_text())

    command = server_of(tmp_path)["command"]
    claude, opencode = read(".claude/settings.json"), read("opencode.json")
    codex = tomli.loads((tmp_path / ".codex/config.toml").read_text())
    server = codex["mcp_servers"]["autoagent"]
    assert claude["enabledMcpjsonServers"] == ["autoagent"]
    assert {"mcp__autoagent", "Read", "Edit"} <= {*claude["permissions"]["allow"]}
    assert (codex["approval_policy"], server["default_tools_approval_mode"]) == ("never", "approve")
    assert opencode["permission"]["autoagent_*"] == opencode["permission"]["read"] == "allow"
    gemini = read(".gemini/settings.json")["mcpServers"]["autoagent"]
    assert gemini["trust"] is True
    assert {server["command"], gemini["command"], opencode["mcp"]["autoagent"]["command"][0]} == {
        command
    }


def test_the_root_workspace_has_what_claude_code_needs() -> None:
    root = Path(__file__).parents[2]

    for name, made in (("mcp.json", ".mcp.json"), ("claude.json", ".claude/settings.json")):
        assert (root / made).read_bytes() == (TEMPLATES / "clients" / name).read_bytes()


@pytest.mark.parametrize("path", [".claude/settings.json", ".mcp.json", "opencode.json"])
def test_what_a_client_writes_into_its_own_settings_is_no_change_of_the_climbs(
    autoagent: Any, tmp_path: Path, path: str
) -> None:
    root = make_workspace(tmp_path / "new").root
    (root / path).write_text("{}")

    code, found = autoagent.json("doctor", "--workspace", root)

    assert [row for row in found["checks"] if row["state"] == "fail"] == []
    assert code == 0


def server_of(root: Path) -> dict[str, Any]:
    return json.loads((root / ".mcp.json").read_text())["mcpServers"]["autoagent"]


@pytest.mark.parametrize("named", ["this", "another", "none"])
def test_the_clients_command_starts_the_program_that_made_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """By its name where the PATH leads to it, else by its whole path."""
    own = Path(sys.executable).with_name("autoagent")
    (tmp_path / "bin").mkdir()
    if named != "none":
        found = tmp_path / "bin" / "autoagent"
        found.symlink_to(own if named == "this" else "/bin/true")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    make_workspace(tmp_path / "new")

    command = server_of(tmp_path / "new")["command"]
    assert command == ("autoagent" if named == "this" else str(own))
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert "serve" in done.stdout


def test_the_template_decides_the_harness_and_whether_a_stand_in_is_of_use(
    autoagent: Any, tmp_path: Path
) -> None:
    code, _ = autoagent("init", tmp_path / "new", "--template", "openai")

    assert code == 0
    assert (tmp_path / "new/agent.py").read_bytes() == (HARNESSES / "openai.py").read_bytes()
    assert (tmp_path / "new/standin.toml").exists()

    make_workspace(tmp_path / "plain")
    assert not (tmp_path / "plain/standin.toml").exists()


def test_what_a_harness_needs_and_is_missing_is_told(
    autoagent: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None: ...

    monkeypatch.setattr("importlib.util.find_spec", missing)

    code, printed = autoagent("init", tmp_path / "new", "--template", "claude")

    assert code == 0
    assert re.search(r"`uv pip install --python .* 'claude-agent-sdk>=0.2'`", printed)
    assert "STAND-IN" in printed


def test_an_unknown_template_is_refused_with_the_known_ones(autoagent: Any, tmp_path: Path) -> None:
    code, printed = autoagent("init", tmp_path / "new", "--template", "gpt")

    assert code == 2
    assert all(name in printed for name in get_args(Template))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("template", get_args(Template))
def test_only_the_template_that_runs_in_the_environment_asks_for_that(
    tmp_path: Path, template: Template
) -> None:
    root = make_workspace(tmp_path / "new", template).root

    assert load_config(root).harness.in_container == (template == "claude")
