"""`autoagent renew`: the human grants another night, with caps of its own (rule R10).

The word is an event of the journal; the next start_climb takes it. No tool says it, and no file of
the workspace does: what the meta-agent may call or write cannot grant it anything.
"""

from contextlib import closing
from pathlib import Path

from autoagent.errors import WorkspaceError
from autoagent.evidence.events import BudgetRenewed, ClimbStarted
from autoagent.evidence.journal import Journal
from autoagent.referee.budget import Remaining, in_words
from autoagent.workspace.layout import open_workspace


def renew(root: Path) -> str:
    """Write the word down, beside a server that is open too; what it grants, in a sentence.

    Raises:
        WorkspaceError: No climb was started here, so nothing is used yet.
    """
    workspace = open_workspace(root)
    nothing = WorkspaceError(
        f"No climb was started in {workspace.root}: its caps are unused, so there is nothing to "
        "renew.",
        "`autoagent serve`, and start_climb(tag) from a client",
    )
    if not workspace.journal.exists():
        raise nothing
    with closing(Journal(workspace.journal)) as journal:
        last = journal.last(ClimbStarted)
        if last is None:
            raise nothing
        journal.append(BudgetRenewed(), last.subject)
    caps = workspace.config.budget
    granted = Remaining(evaluations=caps.evaluations, hours=caps.hours, dollars=caps.dollars)
    return (
        f"The next climb has a night of its own: {in_words(granted)} (autoagent.toml: budget). "
        f"Climb {last.subject} keeps the caps it has."
    )
