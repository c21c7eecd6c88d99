"""Rule R1: a task counts only where its oracle passes and a no-op fails.

The answer belongs to the task's content, so it is kept in the journal under the task's
digest and never measured twice. Pure but for reading the journal.
"""

from collections.abc import Sequence
from typing import Literal

from autoagent import evaluations
from autoagent.game import Kind
from autoagent.journal import Journal
from autoagent.records import Trial
from autoagent.workspace.snapshot import TaskFacts

Probe = Literal["oracle", "noop"]
PROBES: tuple[Probe, ...] = ("oracle", "noop")


def unproven(journal: Journal, tasks: Sequence[TaskFacts], probe: Probe) -> list[TaskFacts]:
    """Tasks whose oracle or no-op has not been measured yet."""
    return [
        task
        for task in tasks
        if (probe == "noop" or task.has_solution) and _answer(journal, task, probe) is None
    ]


def record(journal: Journal, evaluation: str, probe: Probe, tasks: Sequence[TaskFacts]) -> None:
    """Keep what a probe found, task by task. A void answer is not kept: it measured nothing."""
    trials = {
        t.task: t for t in evaluations.deciding_trials(evaluations.trials_of(journal, evaluation))
    }
    for task in tasks:
        trial = trials.get(task.name)
        if trial is not None and trial.outcome != "void":
            body = {
                "probe": probe,
                "outcome": trial.outcome,
                "detail": trial.detail,
                "trial": trial.id,
            }
            journal.append(Kind.TASK_VALIDATED, task.digest, body)


def unusable(journal: Journal, task: TaskFacts, void: Trial | None = None) -> str | None:
    """Why a task is left out of the climb, or None where it may count."""
    if task.has_solution:
        oracle = _answer(journal, task, "oracle")
        if oracle is None:
            return (
                f"its oracle could not be measured: {void.detail if void else 'the machine failed'}"
            )
        if oracle != "passed":
            return f"its oracle solution did not pass ({oracle}); mend tasks/{task.name}/solution or its verifier"
    noop = _answer(journal, task, "noop")
    if noop is None:
        return f"a no-op could not be measured: {void.detail if void else 'the machine failed'}"
    if noop == "passed":
        return (
            f"a harness that does nothing passes it; mend the verifier in tasks/{task.name}/tests"
        )
    return None


def _answer(journal: Journal, task: TaskFacts, probe: Probe) -> str | None:
    answers = [
        e for e in journal.about(task.digest, Kind.TASK_VALIDATED) if e.body["probe"] == probe
    ]
    return answers[-1].body["outcome"] if answers else None
