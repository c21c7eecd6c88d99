"""What is granted while nobody is there to be asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.night.policy import Policy
from autoagent.workspace.layout import open_workspace

FIXED = "# === FIXED ADAPTER BOUNDARY ==="
CODEX_ASKS = {"request": {"_meta": {"codex_approval_kind": "mcp_tool_call"}}}
"""As its adapter of Zed asks for a tool of a server, and, below, the other one."""
CODEX_RUNS = {
    "kind": "execute",
    "title": "mcp.autoagent.status",
    "_meta": {"is_mcp_tool_call": True},
}
CONFIG = '[holdout]\ntasks = ["t4"]\n'


@pytest.fixture
def root(make_workspace: Callable[..., Path]) -> Path:
    return make_workspace(config=CONFIG)


def policy(root: Path, *allow: str) -> Policy:
    return Policy(open_workspace(root), allow)


def diff(path: str, old: str | None, new: str) -> dict[str, Any]:
    shown = {"type": "diff", "path": path, "oldText": old, "newText": new}
    return {"kind": "edit", "content": [shown], "locations": [{"path": path}]}


def at(kind: str, path: str) -> dict[str, Any]:
    return {"kind": kind, "title": "x", "locations": [{"path": path}]}


@pytest.mark.parametrize(
    "call",
    [
        {"kind": "other", "title": "mcp__autoagent__run_benchmark"},
        {"title": "autoagent_status"},
        {"title": "Tool: autoagent/status"},
        {"title": "status (autoagent MCP Server)", "kind": "other"},
        {"title": "Status", "_meta": {"claudeCode": {"toolName": "mcp__autoagent__status"}}},
        {"title": "Approve MCP tool call", "rawInput": CODEX_ASKS | {"server_name": "autoagent"}},
        CODEX_RUNS | {"rawInput": {"server": "autoagent", "tool": "status"}},
        at("read", "program.md"),
        at("search", "tasks/t1"),
        diff("agent.py", "MAX_TURNS = 3", "MAX_TURNS = 4"),
        diff(".agent/notes/ideas.md", None, "one"),
    ],
)
def test_our_tools_reads_and_the_candidate_are_granted(root: Path, call: dict[str, Any]) -> None:
    assert policy(root).refusal(call) is None


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ({"kind": "execute", "title": "mcp__autoagent__status"}, "kind `execute`"),
        ({"kind": "other", "title": "mcp__other__status"}, "kind `other`"),
        ({"kind": "other", "title": "mcp__autoagent__status; rm -rf /"}, "kind `other`"),
        ({"title": "x", "rawInput": CODEX_ASKS | {"server_name": "other"}}, "kind `other`"),
        ({"title": "x", "rawInput": {"server_name": "autoagent"}}, "kind `other`"),
        ({"title": "x", "rawInput": "server_name"}, "kind `other`"),
        (CODEX_RUNS | {"rawInput": {"server": "other", "tool": "status"}}, "kind `execute`"),
        (CODEX_RUNS | {"_meta": {}, "rawInput": {"server": "autoagent"}}, "kind `execute`"),
        ({"kind": "fetch", "title": "https://example.org"}, "kind `fetch`"),
        ({"kind": "read", "title": "Read"}, "kind `read`"),
        (at("read", "/etc/passwd"), "outside the workspace"),
        (at("read", ".env"), "not for the agent"),
        (at("read", "tasks/t4/tests/test.sh"), "not for the agent"),
        (at("edit", "agent.py"), "does not show what it edits"),
        (diff("tasks/t1/tests/test.sh", None, "exit 0"), "no part of the candidate"),
        (diff(".agent/../program.md", None, "x"), "no part of the candidate"),
        (diff("agent.py", FIXED, ""), "below the boundary"),
        (diff("agent.py", None, "x = 1\n"), "below the boundary"),
        (diff("agent.py", "trajectory", "t"), "below the boundary"),
        (
            diff("agent.py", "MAX_TURNS = 3", "MAX_TURNS = 4") | {"locations": [{"path": "x"}]},
            "does not show what it edits",
        ),
    ],
)
def test_the_rest_is_denied(root: Path, call: dict[str, Any], why: str) -> None:
    assert why in (policy(root).refusal(call) or "")


def test_a_link_in_the_notes_leads_nowhere(root: Path) -> None:
    (root / ".agent").mkdir()
    (root / ".agent/out").symlink_to(root / "tasks")

    refusal = policy(root).refusal(diff(".agent/out/t1/tests/test.sh", None, "x"))

    assert "no part of the candidate" in (refusal or "")
    with pytest.raises(PermissionError, match="not for the agent"):
        (root / ".agent/link").symlink_to(root / "tasks/t4/instruction.md")
        policy(root).read(".agent/link")


def test_a_kind_that_the_human_allows_is_granted(root: Path) -> None:
    assert policy(root, "execute").refusal({"kind": "execute", "title": "make"}) is None


def test_what_is_written_through_us_is_the_candidates_alone(root: Path) -> None:
    harness = (root / "agent.py").read_text()
    changed = harness.replace("MAX_TURNS = 3", "MAX_TURNS = 4")

    policy(root).write(str(root / "agent.py"), changed)
    policy(root).write(str(root / ".agent/notes/ideas.md"), "one")

    assert (root / "agent.py").read_text() == changed
    assert (root / ".agent/notes/ideas.md").read_text() == "one"
    for path, text in (("program.md", "x"), ("agent.py", "x = 1\n"), ("results.tsv", "")):
        with pytest.raises(PermissionError):
            policy(root).write(str(root / path), text)
    assert (root / "agent.py").read_text() == changed
