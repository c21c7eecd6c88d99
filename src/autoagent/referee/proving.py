"""The start of a climb: every task is proved by its oracle and by a no-op (rule R1).

Held-out tasks are proved by themselves, in evaluations that no tool tells of.
"""

from autoagent.errors import TaskError
from autoagent.evidence.events import ClimbFinished, EvaluationStarted, TasksValidated
from autoagent.referee import measuring, validation
from autoagent.referee.climb import Climb


def step(climb: Climb) -> None:
    """Run the next probe that is missing, or close the validation.

    Raises:
        TaskError: No task can be used; the climb is over.
    """
    journal, frozen, tag = climb.journal, climb.frozen, climb.position.tag
    runs = [entry.event.running for entry in climb.this_climb(EvaluationStarted)]
    asked = {(run.kind, run.as_left, run.hidden) for run in runs}
    needed = validation.Terms.of(climb.workspace.config)
    baseline = climb.candidate_named("baseline")
    for hidden, facts in ((False, frozen.tasks), (True, frozen.holdout)):
        for question in validation.QUESTIONS:
            missing = validation.unproven(journal, facts, question, needed)
            if missing and (*question, hidden) not in asked:
                names = tuple(task.name for task in missing)
                planned = measuring.planned(climb, question.probe, baseline, names, hidden=hidden)
                measuring.begin(climb, planned.replace(as_left=question.as_left))
                return
    used, left_out = validation.sorted_out(journal, frozen.tasks, needed)
    held_out, unusable = validation.sorted_out(journal, frozen.holdout, needed)
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
    climb.append(ClimbFinished(reason="no usable task"), tag)
    listed = "; ".join(f"tasks/{name}: {why}" for name, why in left_out.items())
    raise TaskError(
        f"No task can be used. {listed}.",
        "tell the human which task to mend, then start_climb(another tag)",
    )
