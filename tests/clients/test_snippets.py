"""What docs/clients.md shows is what `autoagent init` writes, and each starts a server."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
import tomli
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from .npm import ROOT

PAGE = (ROOT / "docs/clients.md").read_text()
WRITTEN = ROOT / "src/autoagent/commands/templates/clients"
HANDED = ("HOME", "LANG", "PATH", "PWD", "TERM", "TMPDIR")
"""The variables that Codex passes a server of its own accord."""


def snippets() -> Iterator[Any]:
    """Every server that the page tells a client to start, by the heading it stands below."""
    found = re.findall(r"^## ([^\n]*)$|^```(json|toml)\n(.*?)^```$", PAGE, re.M | re.S)
    heading = ""
    for title, language, text in found:
        heading = title or heading
        if text:
            facts = json.loads(text) if language == "json" else tomli.loads(text)
            servers = facts.get("mcpServers") or facts.get("mcp_servers") or facts["mcp"]
            yield pytest.param(servers["autoagent"], id=heading)


@pytest.mark.parametrize("name", ["codex.toml", "opencode.json", "gemini.json"])
def test_the_page_shows_what_init_writes(name: str) -> None:
    assert f"\n{(WRITTEN / name).read_text()}```" in PAGE


@pytest.mark.parametrize(
    "server", [s for s in snippets() if "url" not in s.values[0] and "npx" not in str(s.values[0])]
)
async def test_a_snippet_starts_a_server_with_no_variables_but_codexs(
    server: dict[str, Any], make_workspace: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the workspace, by the command on the PATH; the placeholders are the user's to replace."""
    workspace = make_workspace()
    command: Any = server["command"]
    command = command if isinstance(command, list) else [command, *server["args"]]
    program = Path(sys.executable).with_name("autoagent")
    replaced = {"/home/you/.local/bin/autoagent": program, "/path/to/workspace": workspace}
    words = [str(replaced.get(word, word)) for word in command]
    given = {name: os.environ[name] for name in HANDED if name in os.environ}
    path = f"{program.parent}{os.pathsep}{given['PATH']}"
    parameters = StdioServerParameters(
        command=words[0], args=words[1:], cwd=workspace, env=given | {"PATH": path}
    )
    monkeypatch.setenv("PATH", path)  # where the client looks for the command
    with anyio.fail_after(60):
        async with Client(parameters, mode="legacy") as client:
            reply = (await client.call_tool("status", {})).structured_content
    assert reply is not None
    assert reply["phase"] == "new"
