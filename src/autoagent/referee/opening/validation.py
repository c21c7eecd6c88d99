"""Rule R1: a task counts only where its oracle passes and a no-op fails.

The answer belongs to the task's content, so it is kept in the journal under the task's
digest: a task that proved good is not measured again, one that did not gets another chance
in the next climb.
"""

from collections.abc import Mapping, Sequence
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
    reward_key: str | None = None

    @staticmethod
    def of(config: Config) -> "Terms":
        """The climb's."""
        benchmark = config.benchmark
        return Terms(benchmark.pass_reward, benchmark.environment, benchmark.reward_key)


Probe = Literal["oracle", "noop"]


class Question(NamedTuple):
    """What is asked of a task.

    `as_left`: the verifier starts with what was left at home; asked where the oracle fails else.
    """

    probe: Probe
    as_left: bool = False


QUESTIONS = (Question("oracle"), Question("oracle", as_left=True), Question("noop"))


def unproven(
    journal: Journal, tasks: Sequence[TaskFacts], question: Question, terms: Terms
) -> list[TaskFacts]:
    """Tasks that a probe has not shown to be good, on these terms."""
    return [task for task in tasks if _is_open(journal, task, question, terms)]


def needing_left(journal: Journal, tasks: Sequence[TaskFacts], terms: Terms) -> frozenset[str]:
    """Tasks whose oracle passes only where the verifier starts with what it left at home."""

    def passes(task: TaskFacts, *, as_left: bool) -> bool:
        question = Question("oracle", as_left)
        return _good("oracle", _answer(journal, task, question, terms))

    return frozenset(
        task.name
        for task in tasks
        if passes(task, as_left=True) and not passes(task, as_left=False)
    )


def record(
    journal: Journal,
    evaluation: str,
    question: Question,
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
                probe=question.probe,
                as_left=question.as_left,
                pass_reward=terms.pass_reward,
                environment=terms.environment,
                reward_key=terms.reward_key,
                outcome=trial.outcome,
                detail=trial.detail,
                trial=trial.id,
            )
            journal.append(found, task.digest)


def unusable(
    journal: Journal, task: TaskFacts, terms: Terms, voids: Mapping[str, str]
) -> str | None:
    """Why a task is left out of the climb, or None where it may count.

    `voids` tells what kept a task's last probe from measuring anything.
    """
    why_not = voids.get(task.name) or "`autoagent doctor` looks at the machine"
    if task.has_solution:
        oracle = _answer(journal, task, Question("oracle"), terms)
        if oracle is not None and oracle.outcome != "passed":
            left = _answer(journal, task, Question("oracle", as_left=True), terms)
            oracle = left if _good("oracle", left) else oracle
        if oracle is None:
            return f"its oracle could not be measured: {why_not}"
        if oracle.outcome != "passed":
            why = oracle.detail or "mend its solution/ or its verifier"
            return f"its oracle did not pass ({oracle.outcome}): {why}"
    noop = _answer(journal, task, Question("noop"), terms)
    if noop is None:
        return f"a no-op could not be measured: {why_not}"
    if noop.outcome == "passed":
        return "a harness that does nothing passes it: mend its verifier"
    return None


def sorted_out(
    journal: Journal, tasks: Sequence[TaskFacts], terms: Terms, voids: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The tasks that may count, and why the others may not."""
    verdicts = {task.name: unusable(journal, task, terms, voids) for task in tasks}
    left_out = {name: why for name, why in verdicts.items() if why}
    return [name for name in verdicts if name not in left_out], left_out


def _good(probe: Probe, answer: TaskValidated | None) -> bool:
    if answer is None:
        return False
    return (answer.outcome == "passed") == (probe == "oracle")


def _is_open(journal: Journal, task: TaskFacts, question: Question, terms: Terms) -> bool:
    """Whether a question is still to be asked of a task."""
    if question.probe == "oracle" and not task.has_solution:
        return False
    if question.as_left:
        first = _answer(journal, task, Question("oracle"), terms)
        if first is None or _good("oracle", first):
            return False
    return not _good(question.probe, _answer(journal, task, question, terms))


def _answer(
    journal: Journal, task: TaskFacts, question: Question, terms: Terms
) -> TaskValidated | None:
    told = (entry.event for entry in journal.about(task.digest, TaskValidated))
    answers = [
        event
        for event in told
        if event.probe == question.probe
        and (event.pass_reward, event.environment, event.reward_key) == terms
        and (event.probe == "noop" or event.as_left == question.as_left)
    ]
    return answers[-1] if answers else None
