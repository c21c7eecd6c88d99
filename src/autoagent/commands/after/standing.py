"""`autoagent status` and `report --tasks`: what a client is told, for people. They only read.

A server may be open meanwhile, and need not be: nothing is settled, projected or locked here.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from autoagent.commands.after.verify import journal_of
from autoagent.evidence.events import ClimbStarted, ResultRecorded
from autoagent.evidence.ledger import one_line
from autoagent.referee.telling.onlooker import look
from autoagent.referee.telling.views import Status
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tier import peer_of, tier


def standing(root: Path) -> Status:
    """Where the climb of a workspace stands.

    Raises:
        WorkspaceError: No climb was started here.
        JournalError: The journal cannot be read.
    """
    workspace = open_workspace(root)
    with journal_of(workspace):  # says in words that there is none
        pass
    with closing(look(root, tier=tier(peer_of(workspace.state), workspace))) as referee:
        return referee.status()


def facts(root: Path) -> dict[str, object]:
    """The `status` tool's reply, as a client gets it."""
    from autoagent.server.lookups import status_reply

    return status_reply(standing(root)).facts()


def told(root: Path, in_words: "Callable[[str], str]") -> str:
    """The same as text; `in_words` makes a command of a tool call."""
    from autoagent.server.lookups import status_reply
    from autoagent.server.reply import lines

    reply = status_reply(standing(root)).facts()
    steps = [in_words(call) for call in reply["next_calls"]]
    return "\n".join(lines(reply | {"next_step": steps[0], "next_calls": steps}))


def task_table(root: Path) -> str:
    """What the ledger's task scores say, a row a task and a column a candidate.

    A cell is the mean over the task's attempts, `·` where the candidate did not get to it.
    """
    workspace = open_workspace(root)
    with journal_of(workspace) as journal:
        began = journal.last(ClimbStarted)
        after = began.seq - 1 if began else 0
        rows = [entry.event.row for entry in journal.of_kind(ResultRecorded, after=after)]
    tasks = list(dict.fromkeys(task for row in rows for task in row.task_scores))
    widest = max((len(task) for task in tasks), default=0)
    lines = [f"{number:>4}  {row.commit} {row.status:<8}{one_line(row.description)}"
             for number, row in enumerate(rows, 1)]  # fmt: skip
    lines += ["", " " * widest + "".join(f"{number:>5}" for number in range(1, len(rows) + 1))]
    for task in tasks:
        cells = (_cell(row.task_scores.get(task)) for row in rows)
        lines.append(f"{one_line(task):<{widest}}" + "".join(f"{cell:>5}" for cell in cells))
    return "\n".join(lines)


def _cell(score: float | None) -> str:
    return "·" if score is None else f"{score:.2f}".rstrip("0").rstrip(".")
