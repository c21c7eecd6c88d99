"""How each task went for a candidate, and what changed against the one before it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from autoagent.gate.decide import deciding_attempts
from autoagent.records import Glimpse, Trial
from autoagent.referee.evaluations import deciding_trials
from autoagent.report.played import Measured

Cell = Literal["passed", "partly", "failed", "not run"]


class Result(NamedTuple):
    """Of one task: attempts passed and measured, and their rewards' sum. A void is in none."""

    passed: int
    measured: int
    reward: float

    def and_(self, other: "Result") -> "Result":
        """Of both."""
        return Result(
            self.passed + other.passed,
            self.measured + other.measured,
            self.reward + other.reward,
        )

    def __str__(self) -> str:
        """Such as `1/3`; where a single attempt counts for a part, `0.50`."""
        one = self.measured == 1 and not self.passed and self.reward
        return f"{self.reward:.2f}" if one else f"{self.passed}/{self.measured}"


def results(measured: Measured) -> dict[str, Result]:
    """Of the tasks that a candidate's evaluation got to, how each went."""
    found: dict[str, Result] = {}
    for trial in deciding(measured):
        if trial.outcome == "void":
            continue
        one = Result(int(trial.outcome == "passed"), 1, trial.reward or 0.0)
        before = found.get(trial.task)
        found[trial.task] = one if before is None else before.and_(one)
    return found


def deciding(measured: Measured) -> list[Trial | Glimpse]:
    """A candidate's own trials, as far as they decide."""
    attempts = deciding_attempts(measured.running, measured.trials)
    return deciding_trials(
        one for one in measured.trials if one.side == "" and one.attempt in attempts
    )


def cell(result: Result | None) -> Cell:
    """A task is passed where every attempt passed it, and failed where none got a reward."""
    if result is None:
        return "not run"
    if result.passed == result.measured:
        return "passed"
    return "partly" if result.reward > 0 else "failed"


@dataclass(frozen=True)
class Flips:
    """What a candidate changed, task by task.

    Attributes:
        fixed: Tasks that all attempts pass now, and did not.
        broken: Tasks that all attempts passed, and do not now.
        better: Others that went up, such as `refund 1/3 to 2/3`.
        worse: Others that went down.
        not_run: How many it did not get to.
    """

    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    not_run: int = 0


def flips(before: Mapping[str, Result], after: Mapping[str, Result], tasks: Iterable[str]) -> Flips:
    """Compare two candidates on the tasks that count."""
    found: dict[str, list[str]] = {"fixed": [], "broken": [], "better": [], "worse": []}
    not_run = 0
    for task in tasks:
        old, new = before.get(task), after.get(task)
        if new is None:
            not_run += 1
        elif old is not None and (kind := _changed(old, new)):
            whole = kind in ("fixed", "broken") and max(old.measured, new.measured) == 1
            found[kind].append(task if whole else f"{task} {old} to {new}")
    return Flips(**{kind: tuple(names) for kind, names in found.items()}, not_run=not_run)


def _changed(old: Result, new: Result) -> str:
    was, now = cell(old) == "passed", cell(new) == "passed"
    if was != now:
        return "fixed" if now else "broken"
    gained = new.reward / new.measured - old.reward / old.measured
    return "" if was or gained == 0 else "better" if gained > 0 else "worse"
