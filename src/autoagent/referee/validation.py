"""Rule R1: a task counts only where its oracle passes and a no-op fails.

The answer belongs to the task's content, so it is kept in the journal under the task's
digest: a task that proved good is not measured again, one that did not gets another chance
in the next climb.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from autoagent.config import Config
from autoagent.evidence.events import TaskValidated
from autoagent.evidence.journal import Journal
from autoagent.referee import evaluations
from autoagent.workspace.tasks.snapshot import TaskFacts


class Terms(NamedTuple):
    """What a task is good for: another reward or environment is another question."""

    pass_reward: float
    environment: str

    @staticmethod
    def of(config: Config) -> "Terms":
        """The climb's."""
        return Terms(config.benchmark.pass_reward, config.benchmark.environment)


Probe = Literal["oracle", "noop"]
PROBES: tuple[Probe, ...] = ("oracle", "noop")


def unproven(
    journal: Journal, tasks: Sequence[TaskFacts], probe: Probe, terms: Terms
) -> list[TaskFacts]:
    """Tasks that a probe has not shown to be good, on these terms."""
    return [
        task
        for task in tasks
        if (probe == "noop" or task.has_solution)
        and not _good(probe, _answer(journal, task, probe, terms))
    ]


def record(
    journal: Journal,
    evaluation: str,
    probe: Probe,
    tasks: Sequence[TaskFacts],
    terms: Terms,
) -> None:
    """Keep what a probe found, task by task. A void answer is not kept: it measured nothing."""
    trials = {
        t.task: t for t in evaluations.deciding_trials(evaluations.trials_of(journal, evaluation))
    }
    for task in tasks:
        trial = trials.get(task.name)
        if trial is not None and trial.outcome != "void":
            found = TaskValidated(
                probe=probe,
                pass_reward=terms.pass_reward,
                environment=terms.environment,
                outcome=trial.outcome,
                detail=trial.detail,
                trial=trial.id,
            )
            journal.append(found, task.digest)


def unusable(journal: Journal, task: TaskFacts, terms: Terms) -> str | None:
    """Why a task is left out of the climb, or None where it may count."""
    if task.has_solution:
        oracle = _answer(journal, task, "oracle", terms)
        if oracle is None:
            return "its oracle could not be measured; `autoagent doctor` looks at the machine"
        if oracle.outcome != "passed":
            why = oracle.detail or "mend its solution/ or its verifier"
            return f"its oracle did not pass ({oracle.outcome}): {why}"
    noop = _answer(journal, task, "noop", terms)
    if noop is None:
        return "a no-op could not be measured; `autoagent doctor` looks at the machine"
    if noop.outcome == "passed":
        return "a harness that does nothing passes it: mend its verifier"
    return None


def sorted_out(
    journal: Journal, tasks: Sequence[TaskFacts], terms: Terms
) -> tuple[list[str], dict[str, str]]:
    """The tasks that may count, and why the others may not."""
    verdicts = {task.name: unusable(journal, task, terms) for task in tasks}
    left_out = {name: why for name, why in verdicts.items() if why}
    return [name for name in verdicts if name not in left_out], left_out


def _good(probe: Probe, answer: TaskValidated | None) -> bool:
    if answer is None:
        return False
    return (answer.outcome == "passed") == (probe == "oracle")


def _answer(journal: Journal, task: TaskFacts, probe: Probe, terms: Terms) -> TaskValidated | None:
    told = (entry.event for entry in journal.about(task.digest, TaskValidated))
    answers = [
        event
        for event in told
        if event.probe == probe and (event.pass_reward, event.environment) == terms
    ]
    return answers[-1] if answers else None
