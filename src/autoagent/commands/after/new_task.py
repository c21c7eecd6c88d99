"""`autoagent new-task`: a case that was seen becomes a task, once a human writes its verifier."""

import json
import re
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from autoagent.commands.after.unseen import NAME, RECORD, WORDS, last_words
from autoagent.commands.after.verify import journal_of
from autoagent.errors import UnknownName, WorkspaceError
from autoagent.evidence.journal import Journal
from autoagent.evidence.untrusted import clip
from autoagent.referee.evaluations import deciding_trials, trial_of, trials_of
from autoagent.report.played import last_climb
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.inspect import TASK_NAME
from autoagent.workspace.tasks.skeleton import skeleton, write_like
from autoagent.workspace.tasks.steps import instruction_of


def new_task(root: Path, name: str | None, trial: str | None) -> Path:
    """Write a task with a verifier's skeleton; its directory.

    Args:
        root: The workspace.
        name: The task's; by default what it is made from names it.
        trial: An id of a trial of the last climb, or None for the last `autoagent try`.

    Raises:
        UnknownName: There is no such trial, or nothing was tried.
        TaskError: The name is taken.
        WorkspaceError: The name is none.
    """
    workspace = open_workspace(root)
    question, like, seen, called = _of_trial(workspace, trial) if trial else _of_try(workspace)
    name = name or called
    if not TASK_NAME.fullmatch(name):
        raise WorkspaceError(f"{name!r} is no name of a task: 1 to 80 of A-Z a-z 0-9 . _ -.")
    target = workspace.tasks / name
    write_like(like, target, question, skeleton(seen))
    return target


def _of_try(workspace: Workspace) -> tuple[str, Path, Sequence[str], str]:
    """The last case that was tried, its environment, and what both sides said."""
    runs = [run for run in (workspace.state / "runs").glob("*") if (run / RECORD).exists()]
    if not runs:
        raise UnknownName("Nothing was tried here yet.", '`autoagent try "a question"`')
    last = max(runs, key=lambda run: int(run.name))
    record = json.loads((last / RECORD).read_text("utf-8"))
    seen = [f"Asked: {record['question']}"]
    with closing(Journal(last / "journal.sqlite3", read_only=True)) as journal:
        for trial in deciding_trials(trials_of(journal, f"try{last.name}")):
            said = last_words(trial_of(journal, trial.id)[1])
            seen.append(f"{trial.side or 'champion'} said: {clip(said, WORDS)}")
    return record["question"], last / "case" / "tasks" / NAME, seen, f"try-{last.name}"


def _of_trial(workspace: Workspace, trial: str) -> tuple[str, Path, Sequence[str], str]:
    """A trial's task as it was frozen, and what the harness said."""
    with journal_of(workspace) as journal:
        found, directory = trial_of(journal, trial)
        climb = last_climb(journal)
    frozen = snapshot.load(workspace, climb.started.snapshot)
    places = {task.name: task.path for task in frozen.tasks}
    if found.task not in places:
        raise UnknownName(f"{trial}: the last climb has no task {found.task!r}.")
    place = places[found.task]
    question = instruction_of(place)
    said = f"{found.outcome}; the harness said: {clip(last_words(directory), WORDS)}"
    taken = re.compile(rf"{re.escape(found.task)}-(\d+)")
    numbers = [1]
    with suppress(OSError):
        numbers += [
            int(match[1])
            for one in workspace.tasks.iterdir()
            if (match := taken.fullmatch(one.name))
        ]
    return question, place, [said], f"{found.task}-{max(numbers) + 1}"
