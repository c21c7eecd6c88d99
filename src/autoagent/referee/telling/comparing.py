"""Two full evaluations beside each other: what flipped, where the trials part, what it took."""

from collections.abc import Iterator, Sequence
from itertools import islice

from autoagent.errors import UnknownName
from autoagent.evidence import events, outline
from autoagent.records import Trial
from autoagent.referee import evaluations
from autoagent.referee.climb import Climb
from autoagent.referee.telling.views import NAMES_SHOWN, PARTS_SHOWN, Comparison


def compare(climb: Climb, candidate: str | None, against: str | None) -> Comparison:
    """Tasks fixed and broken between two full evaluations, by default the last and the incumbent.

    Raises:
        UnknownName: One of them has no finished full evaluation in this climb.
    """
    position = climb.position
    last = next(_decided(climb), None)
    if last is None:
        raise UnknownName("No full evaluation has finished yet, so nothing can be compared.")
    new = evaluations.report_of(climb.journal, _named(climb, candidate) or last)
    other = _named(climb, against) or _usual_rival(climb, new.evaluation)
    old = evaluations.report_of(climb.journal, other)
    before, after = passed(old.trials), passed(new.trials)
    both = [task for task in position.tasks if task in before and task in after]
    changed = [task for task in both if before[task] != after[task]]
    return Comparison(
        candidate=new.candidate,
        against=old.candidate,
        fixed=tuple(task for task in changed if after[task]),
        broken=tuple(task for task in changed if not after[task]),
        not_run=tuple(task for task in position.tasks if task not in both),
        took=_took(old.trials, new.trials, both),
        same_passed=sum(bool(after[t]) for t in both if t not in changed),
        same_failed=sum(not after[t] for t in both if t not in changed),
        parts=tuple(
            f"{task}: {_parting(climb, old.trials, new.trials, task)}; "
            f"{_took(old.trials, new.trials, [task])}"
            for task in changed[:PARTS_SHOWN]
        ),
    )


def _decided(climb: Climb, before: int | None = None) -> Iterator[str]:
    """Evaluations of this climb that decided something, newest first."""
    bounds = (climb.first,) if before is None else (climb.first, before)
    for entry in climb.journal.newest(events.EvaluationFinished, *bounds):
        if entry.event.verdict:
            yield entry.event.evaluation


def _usual_rival(climb: Climb, evaluation: str) -> str:
    """The incumbent's evaluation; of the incumbent itself the one before it, if there is one."""
    incumbent = climb.position.incumbent
    if incumbent is not None and incumbent.evaluation != evaluation:
        return incumbent.evaluation
    running = evaluations.started(climb.journal, evaluation)
    ended = evaluations.finishes(climb.journal, running)[0].seq
    return next(_decided(climb, before=ended), evaluation)


def _named(climb: Climb, name: str | None) -> str | None:
    """The evaluation that a call means, by its id or by how its commit begins.

    Raises:
        UnknownName: It has no finished full evaluation in this climb.
    """
    if name is None:
        return None
    begun = climb.about(name, events.EvaluationStarted)
    digest, baseline = begun[-1].event.running.digest if begun else "", climb.position.baseline
    if not begun and len(name) >= 7:
        committed = climb.journal.beginning(name, events.CandidateCommitted)
        found = committed.event.candidate if committed else baseline
        digest = found.digest if found and found.id.startswith(name) else ""
    for entry in reversed(climb.about(digest, events.EvaluationFinished)):
        if entry.event.verdict and (not begun or entry.event.evaluation == name):
            return entry.event.evaluation
    newest = [*islice(_decided(climb), NAMES_SHOWN)]
    runs = [evaluations.started(climb.journal, known) for known in reversed(newest)]
    known = ", ".join(f"{run.candidate[:7]} ({run.id})" for run in runs)
    raise UnknownName(
        f"{name!r} has no finished full evaluation. Known: {known}.", "compare() with one of these"
    )


def passed(trials: Sequence[Trial]) -> dict[str, bool]:
    """Whether every attempt of a task passed; a task without a measured trial is not there."""
    measured = [trial for trial in trials if trial.outcome != "void"]
    tasks = {trial.task for trial in measured}
    return {task: all(t.outcome == "passed" for t in measured if t.task == task) for task in tasks}


def _parting(climb: Climb, old: Sequence[Trial], new: Sequence[Trial], task: str) -> str:
    sides = [next((t.id for t in side if t.task == task), None) for side in (old, new)]
    if None in sides:
        return "not measured on both sides"
    try:
        directories = [evaluations.trial_of(climb.journal, side)[1] for side in sides if side]
    except UnknownName:
        return "no trajectory on one side"  # it was removed
    return outline.parts(directories[0], directories[1])


def _took(old: Sequence[Trial], new: Sequence[Trial], tasks: Sequence[str]) -> str:
    """What the trials of some tasks cost and took, before and after; each side's mean trial."""
    sides = [[t for t in side if t.task in tasks and t.outcome != "void"] for side in (old, new)]
    if not all(sides):
        return "nothing to compare"
    seconds = [sum(t.seconds for t in side) / len(side) for side in sides]
    told = f"{seconds[0]:.3g} s became {seconds[1]:.3g} s"
    priced = [[t.cost_usd for t in side if t.cost_usd is not None] for side in sides]
    if all(priced):
        dollars = [sum(side) / len(side) for side in priced]
        told += f", ${dollars[0]:.2g} became ${dollars[1]:.2g}"
    return told
