"""`autoagent show` and `autoagent diff`: what a candidate changed and did, and what the best is."""

from collections.abc import Sequence
from pathlib import Path

from autoagent.commands.after.verify import journal_of
from autoagent.errors import UnknownName
from autoagent.report.candidate import Told, champion, named, told
from autoagent.report.diffs import diff, stored
from autoagent.report.played import climbs_of
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import open_workspace


def show(root: Path, commit: str | None) -> tuple[Told, Sequence[str]]:
    """A candidate and the lines it changed of what it was made from; by default the best one.

    Raises:
        WorkspaceError: No climb was started here, or the store is damaged.
        UnknownName: There is no such candidate.
    """
    workspace = open_workspace(root)
    with journal_of(workspace) as journal:
        climbs = climbs_of(journal)
    climb, candidate = named(climbs, commit) if commit else (climbs[-1], champion(climbs[-1]))
    found = told(climb, candidate)
    (change,) = stored(Projection(workspace), [(candidate.parent, candidate.id)])
    return found, change.lines


def patch(root: Path, commit: str | None, *, best: bool) -> Sequence[str]:
    """Every line that a candidate changed of what it was made from, or the best of the baseline.

    Raises:
        WorkspaceError: No climb was started here, or the store is damaged.
        UnknownName: There is no such candidate, or none was named.
    """
    if (commit is None) != best:
        raise UnknownName(
            "Name one candidate, or ask for the best against the baseline.",
            "`autoagent diff COMMIT` or `autoagent diff --best`",
        )
    workspace = open_workspace(root)
    with journal_of(workspace) as journal:
        climbs = climbs_of(journal)
    content = Projection(workspace).content
    if commit:
        candidate = named(climbs, commit)[1]
        before = content(candidate.parent) if candidate.parent else {}
    else:
        candidate = champion(climbs[-1])
        before = content(climbs[-1].started.baseline.id)
    return diff(before, content(candidate.id), most=None)
