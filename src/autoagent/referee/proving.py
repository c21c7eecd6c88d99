"""The start of a climb: every task is proved by its oracle and by a no-op (rule R1).

Held-out tasks are proved by themselves, in evaluations that no tool tells of.
"""

from autoagent.errors import TaskError
from autoagent.evidence.events import ClimbFinished, EvaluationStarted, TasksValidated
from autoagent.evidence.position import Position
from autoagent.referee import measuring, validation
from autoagent.referee.climb import Table
from autoagent.worker.engine import Engine


def step(table: Table, engine: Engine, position: Position) -> None:
    """Run the next probe that is missing, or close the validation.

    Raises:
        TaskError: No task can be used; the climb is over.
    """
    journal, frozen = table.journal, table.frozen(position)
    runs = [entry.event.running for entry in table.this_climb(EvaluationStarted)]
    asked = {(run.kind, run.as_left, run.hidden) for run in runs}
    needed = validation.Terms.of(table.workspace.config)
    assert position.baseline is not None
    for hidden, facts in ((False, frozen.tasks), (True, frozen.holdout)):
        for question in validation.QUESTIONS:
            missing = validation.unproven(journal, facts, question, needed)
            if missing and (*question, hidden) not in asked:
                names = tuple(task.name for task in missing)
                planned = measuring.planned(
                    table, position, question.probe, position.baseline, names, hidden=hidden
                )
                planned = planned.model_copy(update={"as_left": question.as_left})
                measuring.begin(table, engine, position, planned)
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
        table.append(validated, position.tag)
        return
    table.append(ClimbFinished(reason="no usable task"), position.tag)
    listed = "; ".join(f"tasks/{name}: {why}" for name, why in left_out.items())
    raise TaskError(
        f"No task can be used. {listed}.", "start_climb(another tag) once one is mended"
    )
