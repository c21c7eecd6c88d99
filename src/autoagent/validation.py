"""Rule R1: a task counts only where its oracle passes and a no-op fails.

The answer belongs to the task's content, so it is kept in the journal under the task's
digest: a task that proved good is not measured again, one that did not gets another chance
in the next climb.
"""

from collections.abc import Sequence
from typing import Any, Literal

from autoagent import evaluations
from autoagent.game import Kind
from autoagent.journal import Journal
from autoagent.workspace.snapshot import TaskFacts

Probe = Literal["oracle", "noop"]
PROBES: tuple[Probe, ...] = ("oracle", "noop")


def unproven(
    journal: Journal, tasks: Sequence[TaskFacts], probe: Probe, pass_reward: float
) -> list[TaskFacts]:
    """Tasks that a probe has not shown to be good, at this pass reward."""
    return [
        task
        for task in tasks
        if (probe == "noop" or task.has_solution)
        and not _good(probe, _answer(journal, task, probe, pass_reward))
    ]


def record(
    journal: Journal,
    evaluation: str,
    probe: Probe,
    tasks: Sequence[TaskFacts],
    pass_reward: float,
) -> None:
    """Keep what a probe found, task by task. A void answer is not kept: it measured nothing."""
    trials = {
        t.task: t for t in evaluations.deciding_trials(evaluations.trials_of(journal, evaluation))
    }
    for task in tasks:
        trial = trials.get(task.name)
        if trial is not None and trial.outcome != "void":
            body = {
                "probe": probe,
                "pass_reward": pass_reward,
                "outcome": trial.outcome,
                "detail": trial.detail,
                "trial": trial.id,
            }
            journal.append(Kind.TASK_VALIDATED, task.digest, body)


def unusable(journal: Journal, task: TaskFacts, pass_reward: float) -> str | None:
    """Why a task is left out of the climb, or None where it may count."""
    if task.has_solution:
        oracle = _answer(journal, task, "oracle", pass_reward)
        if oracle is None:
            return "its oracle could not be measured; `autoagent doctor` looks at the machine"
        if oracle["outcome"] != "passed":
            why = oracle["detail"] or "mend its solution/ or its verifier"
            return f"its oracle did not pass ({oracle['outcome']}): {why}"
    noop = _answer(journal, task, "noop", pass_reward)
    if noop is None:
        return "a no-op could not be measured; `autoagent doctor` looks at the machine"
    if noop["outcome"] == "passed":
        return "a harness that does nothing passes it: mend its verifier"
    return None


def sorted_out(
    journal: Journal, tasks: Sequence[TaskFacts], pass_reward: float
) -> tuple[list[str], dict[str, str]]:
    """The tasks that may count, and why the others may not."""
    verdicts = {task.name: unusable(journal, task, pass_reward) for task in tasks}
    left_out = {name: why for name, why in verdicts.items() if why}
    return [name for name in verdicts if name not in left_out], left_out


def _good(probe: Probe, answer: dict[str, Any] | None) -> bool:
    if answer is None:
        return False
    return (answer["outcome"] == "passed") == (probe == "oracle")


def _answer(
    journal: Journal, task: TaskFacts, probe: Probe, pass_reward: float
) -> dict[str, Any] | None:
    answers = [
        event.body
        for event in journal.about(task.digest, Kind.TASK_VALIDATED)
        if (event.body["probe"], event.body["pass_reward"]) == (probe, pass_reward)
    ]
    return answers[-1] if answers else None
