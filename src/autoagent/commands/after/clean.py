"""`autoagent clean --keep-last …`: removes the evidence of candidates that were not kept.

Trajectories, logs and verifiers' output go; what they came to is in the journal, and so is that
they were removed. What a kept candidate, a baseline or a certificate rests on is never removed, nor
what is being measured or waits for its row.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from autoagent.commands.after.verify import journal_of
from autoagent.commands.options import Fate
from autoagent.evidence import events
from autoagent.evidence.journal import Journal
from autoagent.evidence.position import Position
from autoagent.files import opened_directory
from autoagent.records import Record
from autoagent.workspace.layout import Workspace, open_workspace


class Terms(Record):
    """Of which evaluations the evidence may go: of those that all terms agree on."""

    keep_last: int = 0
    days: float = 0.0
    megabytes: float = 0.0
    fates: tuple[Fate, ...] = ()


class Evidence(Record):
    """What an evaluation left that was not kept."""

    evaluation: str
    at: float
    fate: Fate
    bytes: int


def clean(root: Path, terms: Terms, now: float | None = None) -> list[Evidence]:
    """Write down what goes, and remove it; newest first. A server may be open meanwhile.

    Raises:
        WorkspaceError: No climb was started here.
    """
    workspace = open_workspace(root)
    with journal_of(workspace) as journal:
        found = list(_disposable(workspace, journal))[terms.keep_last :]
    before = (time.time() if now is None else now) - terms.days * 86400
    going = [
        one
        for one in found
        if one.at <= before
        and one.bytes >= terms.megabytes * 1e6
        and (not terms.fates or one.fate in terms.fates)
    ]
    with closing(Journal(workspace.journal)) as journal:
        for one in going:
            removed = events.EvidenceRemoved(bytes=one.bytes)
            if not journal.about(one.evaluation, events.EvidenceRemoved):
                journal.append(removed, one.evaluation)
            _remove(workspace, one.evaluation)
    return going


def _disposable(workspace: Workspace, journal: Journal) -> Iterator[Evidence]:
    """What is there of evaluations that nothing rests on, newest first."""
    reused = journal.of_kind(events.EvaluationReused)
    kept = {entry.event.evaluation for entry in reused if entry.event.verdict.keep}
    stored = journal.position()
    position = Position.model_validate_json(stored) if stored else Position()
    kept |= {one.evaluation for one in (position.incumbent, position.evaluated) if one}
    kept |= {position.running.id} if position.running else set()
    told = set[str]()
    for entry in journal.newest(events.EvaluationFinished):
        event = entry.event
        if event.evaluation in told:
            continue
        told.add(event.evaluation)
        if event.evaluation_kind == "subset":
            fate = Fate.SUBSET
        elif event.evaluation_kind == "full" and event.verdict and not event.verdict.keep:
            fate = Fate.CRASH if event.verdict.status == "crash" else Fate.DISCARD
        else:
            continue
        size = sum(_size(place) for place in _places(workspace, event.evaluation))
        if event.evaluation not in kept and size:
            name = event.evaluation
            yield Evidence(evaluation=name, at=entry.at, fate=fate, bytes=size)


def _places(workspace: Workspace, evaluation: str) -> Iterator[Path]:
    """Harbor's directories of an evaluation, and the worker's own."""
    yield from _jobs(workspace, evaluation)
    if (own := workspace.evaluations / evaluation).is_dir():
        yield own


def _jobs(workspace: Workspace, evaluation: str) -> list[Path]:
    jobs = workspace.jobs
    found = (jobs / evaluation, *jobs.glob(f"{evaluation}.round*"))
    return [place for place in found if place.is_dir() and not place.is_symlink()]


def _size(place: Path) -> int:
    total = 0
    for path in place.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_size
    return total


def _remove(workspace: Workspace, evaluation: str) -> None:
    """Through opened directories: the workspace is hostile, and a link leads elsewhere."""
    names = [place.name for place in _jobs(workspace, evaluation)]
    root, jobs = workspace.root, workspace.jobs
    with suppress(OSError), opened_directory(root, *jobs.relative_to(root).parts) as directory:
        for name in names:
            shutil.rmtree(name, ignore_errors=True, dir_fd=directory)
    shutil.rmtree(workspace.evaluations / evaluation, ignore_errors=True)
