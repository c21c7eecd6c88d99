"""From trials to a score: always over every trial that should have run."""

from collections.abc import Sequence
from math import fsum

from autoagent.records import Score, Trial


def score(
    trials: Sequence[Trial], tasks: Sequence[str], attempts: range, *, seconds: float
) -> Score:
    """Aggregate the trials of an evaluation's own side that were expected.

    The first trial of an attempt that measured something decides it, so a repetition is never
    a second chance; a void before it is ignored. An attempt without one is void, or was not
    run: it stays in the denominator of `passed` and out of every average, so it can neither
    help nor pose as a 0 (rules R5, R9). Other trials are ignored, except for their cost.

    Args:
        trials: The trials that ended, in the order they ended, of every side.
        tasks: The names of the expected tasks.
        attempts: The expected attempts at each task.
        seconds: The evaluation's wall clock.

    Returns:
        `avg_score` and the task scores are means over measured trials, None where there is
        none; `avg_score` is None too where a trial was not run, because the hardest tasks
        are run first. `cost_usd` is the sum of what was metered, None where nothing was.
    """
    first: dict[tuple[str, int], Trial] = {}
    void: set[tuple[str, int]] = set()
    for trial in trials:
        if trial.side == "" and trial.outcome == "void":
            void.add((trial.task, trial.attempt))
        elif trial.side == "":
            first.setdefault((trial.task, trial.attempt), trial)
    by_task = {task: [first[task, n] for n in attempts if (task, n) in first] for task in tasks}
    measured = [trial for attempts_made in by_task.values() for trial in attempts_made]
    expected = [(task, n) for task in by_task for n in attempts]
    only_void = sum(slot in void and slot not in first for slot in expected)
    not_run = len(expected) - len(measured) - only_void
    costs = [trial.cost_usd for trial in trials if trial.cost_usd is not None]
    return Score(
        passed=sum(trial.outcome == "passed" for trial in measured),
        expected=len(expected),
        void=only_void,
        not_run=not_run,
        avg_score=None if not_run else _mean(measured),
        task_scores={task: _mean(attempts_made) for task, attempts_made in by_task.items()},
        cost_usd=fsum(costs) if costs else None,
        seconds=seconds,
        crashed=sum(trial.outcome == "crashed" for trial in measured),
        stand_in=any(trial.stand_in for trial in trials),
    )


def _mean(trials: Sequence[Trial]) -> float | None:
    """The mean reward; a measured trial without one scored 0."""
    if not trials:
        return None
    return fsum(trial.reward or 0.0 for trial in trials) / len(trials)
