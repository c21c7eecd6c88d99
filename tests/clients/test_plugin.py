"""The plugin's files, which say what the server and the command line say."""

import json
from importlib.metadata import version

from autoagent.server.prompts import hillclimb

from .npm import ROOT

PLUGIN = ROOT / "plugin"


def test_the_skill_tells_what_the_servers_prompt_tells() -> None:
    """One text, in two places: whoever changes the prompt copies it into the skill."""
    head, _, body = (PLUGIN / "skills/climb/SKILL.md").read_text().partition("\n---\n\n")
    assert head.startswith("---\nname: climb\ndescription: ")
    assert body == hillclimb() + "\n"


def test_the_manifest_has_this_version_and_one_installed_command() -> None:
    manifest = json.loads((PLUGIN / ".claude-plugin/plugin.json").read_text())
    assert manifest["version"] == version("autoagent-mcp")
    assert manifest["mcpServers"]["autoagent"]["command"] == "autoagent"
    events = json.loads((PLUGIN / "hooks/hooks.json").read_text())["hooks"]
    hooks = [hook for kinds in events.values() for kind in kinds for hook in kind["hooks"]]
    assert {hook["command"] for hook in hooks} == {"autoagent hook"}
