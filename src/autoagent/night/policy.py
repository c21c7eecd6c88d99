"""What the agent is granted while nobody is there to be asked.

Our own tools, reads in the workspace, and edits of the candidate: the harness above the boundary
and `.agent/`. Everything else is denied, unless autoagent.toml allows its kind. This is a
courtesy, not a wall: an agent asks only where it wants to, and what it did elsewhere the referee
sees or refuses.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast

from autoagent.errors import BoundaryError, WorkspaceError
from autoagent.files import read_regular, write_durably
from autoagent.workspace import notes
from autoagent.workspace.harness import boundary
from autoagent.workspace.layout import Workspace

SERVER = "autoagent"
"""What the agent is told that our MCP server is called."""
OURS = re.compile(rf"(Tool: |mcp__)?{SERVER}(__|_|/|\.|: ?)[a-z_]+|[a-z_]+ \({SERVER} MCP Server\)")
"""How agents name a tool of that server when they ask."""
KEYS = ".env"


class Policy:
    """Decides by what the workspace holds at that moment."""

    def __init__(self, workspace: Workspace, allow: Iterable[str] = ()) -> None:
        """Grant besides, unseen, calls of the kinds in `allow`."""
        self._workspace, self._allow = workspace, frozenset(allow)

    def refusal(self, call: Mapping[str, Any]) -> str | None:
        """Why a tool call is denied, or None where it is granted.

        Args:
            call: An ACP tool call as JSON, with all that was told of it so far.
        """
        kind = call.get("kind") or "other"
        places = [self._place(location["path"]) for location in call.get("locations") or ()]
        if kind in self._allow or _is_ours(call, kind):
            return None
        match kind:
            case "read" | "search" if places:
                return next(filter(None, map(self._unreadable, places)), None)
            case "edit":
                diffs = [d for d in call.get("content") or () if d.get("type") == "diff"]
                edited = {self._place(diff["path"]) for diff in diffs}
                if not edited or not edited.issuperset(places):
                    return "it does not show what it edits"
                return next(filter(None, (self._uneditable(p, diffs) for p in edited)), None)
            case _:
                return f"calls of kind `{kind}` are not granted ([night] allow)"

    def read(self, path: str) -> str:
        """A text file of the workspace.

        Raises:
            PermissionError: It is not for the agent.
            OSError: It cannot be read.
            WorkspaceError: It is no plain file.
        """
        place = self._place(path)
        if why := self._unreadable(place):
            raise PermissionError(why)
        return read_regular(place).decode("utf-8", "replace")

    def write(self, path: str, text: str) -> None:
        """Replace a file of the candidate.

        Raises:
            PermissionError: It is none, or the text changes what is fixed.
            OSError: It cannot be written.
            WorkspaceError: Something that is no plain file stands there.
        """
        place = self._place(path)
        if why := self._uneditable(place, [{"path": path, "newText": text}]):
            raise PermissionError(why)
        if place == self._workspace.harness:
            write_durably(place, text.encode())
        else:
            parts = place.relative_to(self._workspace.root).parts
            notes.write_one(self._workspace, parts, text.encode())

    def _place(self, path: str) -> Path:
        """Where a path leads, links followed."""
        return (self._workspace.root / path).resolve()

    def _unreadable(self, place: Path) -> str | None:
        workspace, holdout = self._workspace, self._workspace.config.holdout
        if not place.is_relative_to(workspace.root):
            return f"{place} is outside the workspace"
        task = place.relative_to(workspace.tasks) if place.is_relative_to(workspace.tasks) else None
        held = [task.parts[0]] if task and task.parts else []
        hidden = holdout.directory and place.is_relative_to(self._place(holdout.directory))
        if hidden or place.name == KEYS or any(fnmatch(t, p) for t in held for p in holdout.tasks):
            return f"{place.name} is not for the agent"
        return None

    def _uneditable(self, place: Path, diffs: Iterable[Mapping[str, Any]]) -> str | None:
        """Why the edits of one file are denied: each replaces `oldText`, or without it the file."""
        workspace = self._workspace
        if place.is_relative_to(workspace.notes) and place != workspace.notes:
            return None
        if place != workspace.harness:
            file = workspace.harness.name
            return (
                f"{place.name} is no part of the candidate: {file} above the boundary and .agent/"
            )
        try:
            now = read_regular(place)
            fixed = boundary.split(now, place.name).fixed
        except (OSError, WorkspaceError, BoundaryError) as error:
            return f"{place.name} cannot be edited safely: {error}"
        for diff in diffs:
            if self._place(diff["path"]) == place:
                old, new = (diff.get("oldText") or "").encode(), diff["newText"].encode()
                now = now.replace(old, new) if old else new
        return None if now.endswith(fixed) else f"it changes {place.name} below the boundary"


def _is_ours(call: Mapping[str, Any], kind: str) -> bool:
    """Whether a call is of one of our tools, as far as the agent tells.

    Codex's adapters name the server in what the call is given: Zed's where it asks, the other with
    a mark that sets the call apart from a command, which is of the same kind.
    """
    asks_for = _told(call, "rawInput", "request", "_meta", "codex_approval_kind")
    if _told(call, "_meta", "is_mcp_tool_call") is True:
        return _told(call, "rawInput", "server") == SERVER
    if asks_for == "mcp_tool_call":
        return _told(call, "rawInput", "server_name") == SERVER
    name = _told(call, "_meta", "claudeCode", "toolName") or call.get("title")
    return kind == "other" and OURS.fullmatch(str(name)) is not None


def _told(call: Mapping[str, Any], *keys: str) -> object:
    """What an agent tells of a call beyond the protocol, or None."""
    told: Any = call
    for key in keys:
        told = cast("Mapping[str, Any]", told).get(key) if isinstance(told, Mapping) else None
    return told
