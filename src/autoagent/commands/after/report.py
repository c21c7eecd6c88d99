"""`autoagent report`: the last climb of a workspace, told, and its page written."""

import secrets
from pathlib import Path

from autoagent.commands.after.verify import journal_of
from autoagent.report import page
from autoagent.report.drawing import drawer
from autoagent.report.story import Story
from autoagent.workspace.layout import open_workspace


def report(root: Path) -> tuple[Story, Path]:
    """What the last climb comes to, and the page that shows it.

    Raises:
        WorkspaceError: No climb was started here, or there is no place for the page.
        JournalError: The journal cannot be read; names the event.
    """
    workspace = open_workspace(root)
    with drawer() as draw, journal_of(workspace) as journal:
        return page.write(workspace, journal, draw), workspace.output / page.PAGE


def html(root: Path, *, framed: bool) -> str:
    """The page itself, with nothing written; `framed` as an MCP Apps view.

    Raises:
        WorkspaceError: No climb was started here.
        JournalError: The journal cannot be read; names the event.
    """
    workspace = open_workspace(root)
    script = page.Script("framed", secrets.token_urlsafe(16)) if framed else None
    with drawer() as draw, journal_of(workspace) as journal:
        return page.tell(workspace, journal, draw, script)[1]
