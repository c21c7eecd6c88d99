"""The start of a climb: every task is proved by its oracle and by a no-op (rule R1).

Held-out tasks are proved by themselves, in evaluations that no tool tells of.
"""

from collections.abc import Mapping
from typing import NoReturn

from autoagent.errors import TaskError
from autoagent.evidence.events import ClimbFinished, EvaluationStarted, TasksValidated
from autoagent.referee import evaluations, measuring
from autoagent.referee.climb import Climb
from autoagent.referee.opening import validation


def step(climb: Climb) -> None:
    """Run the next probe that is missing, or close the validation.

    Raises:
        TaskError: No task can be used, or one cannot where every task has to; the climb is over.
    """
    journal, frozen, tag = climb.journal, climb.frozen, climb.position.tag
    every = climb.workspace.config.benchmark.every_task
    if every and frozen.excluded:
        _refuse(climb, "Not every task can be used", frozen.excluded)
    begun = journal.of_kind(EvaluationStarted, after=climb.first)
    runs = [entry.event.running for entry in begun]
    asked = {(run.kind, run.as_left, run.hidden) for run in runs}
    needed = validation.Terms.of(climb.workspace.config)
    baseline = climb.candidate_named("baseline")
    voids = {
        trial.task: trial.detail
        for run in runs
        for trial in evaluations.deciding_trials(evaluations.trials_of(journal, run.id))
        if trial.outcome == "void"
    }
    for hidden, facts in ((False, frozen.tasks), (True, frozen.holdout)):
        for question in validation.QUESTIONS:
            missing = [
                task
                for task in validation.unproven(journal, facts, question, needed)
                if task.name not in voids  # what could not be measured once is left out
            ]
            if missing and (*question, hidden) not in asked:
                names = tuple(task.name for task in missing)
                planned = measuring.planned(climb, question.probe, baseline, names, hidden=hidden)
                measuring.begin(climb, planned.replace(as_left=question.as_left))
                return
    used, left_out = validation.sorted_out(journal, frozen.tasks, needed, voids)
    held_out, unusable = validation.sorted_out(journal, frozen.holdout, needed, voids)
    if every and (left_out or unusable or frozen.holdout_excluded):
        hidden = len(unusable) + len(frozen.holdout_excluded)
        _refuse(climb, "Not every task can be used", left_out, hidden)
    if used:
        validated = TasksValidated(
            tasks=tuple(used),
            excluded=left_out,
            holdout=tuple(held_out),
            holdout_excluded=unusable,
            as_left=tuple(sorted({*used} & validation.needing_left(journal, frozen.tasks, needed))),
        )
        climb.append(validated, tag)
        return
    _refuse(climb, "No task can be used", left_out)


def _refuse(climb: Climb, what: str, left_out: Mapping[str, str], hidden: int = 0) -> NoReturn:
    """End the climb before it begins; held-out tasks are counted, never named."""
    climb.append(ClimbFinished(reason="no usable task"), climb.position.tag)
    listed = [f"tasks/{name}: {why}" for name, why in left_out.items()]
    if hidden:
        listed.append(f"{hidden} held-out tasks: `autoagent doctor` tells which, and why")
    raise TaskError(
        f"{what}. {'; '.join(listed)}.",
        f'tell the human which task to mend, then start_climb("{climb.position.tag}") again',
    )
