"""How hard harnesses ask their model to think: as the baseline did, or the verdict says so."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoagent.evidence import events
from autoagent.records import Trial, Verdict
from autoagent.referee import evaluations

if TYPE_CHECKING:
    from autoagent.referee.climb import Climb


def frozen(climb: "Climb") -> tuple[str, ...] | None:
    """What the baseline asked for, which holds for all that comes after it; None where it does not.

    Of a model that it did not call, what the provider does by itself.
    """
    if climb.workspace.config.harness.effort != "frozen":
        return None
    return of_baseline(climb)


def of_baseline(climb: "Climb") -> tuple[str, ...] | None:
    """How hard the baseline asked each model; None before it was measured."""
    for entry in climb.journal.oldest(events.EvaluationFinished, climb.first):
        if entry.event.evaluation_kind == "baseline" and entry.event.verdict is not None:
            return _asked(evaluations.trials_of(climb.journal, entry.event.evaluation))
    return None


def noted(climb: "Climb", verdict: Verdict, trials: Sequence[Trial]) -> Verdict:
    """The verdict, with what a candidate asked for that the baseline did not, and its price."""
    incumbent, baseline = climb.position.incumbent, of_baseline(climb)
    if incumbent is None or baseline is None:
        return verdict
    others = [effort for effort in _asked(trials) if effort not in baseline]
    if not others:
        return verdict
    told = f"asked otherwise than the baseline: {', '.join(others)}"
    before = evaluations.trials_of(climb.journal, incumbent.evaluation)
    price = f"{_each(trials)}, the incumbent {_each(before)}"
    return verdict.replace(sentence=f"{verdict.sentence}; {told}: {price}")


def _asked(trials: Sequence[Trial]) -> tuple[str, ...]:
    own = (trial.model_use for trial in trials if trial.side == "" and trial.model_use is not None)
    return tuple(sorted({effort for use in own for effort in use.efforts}))


def _each(trials: Sequence[Trial]) -> str:
    costs = [trial.cost_usd for trial in trials if trial.side == "" and trial.cost_usd is not None]
    return f"${sum(costs) / len(costs):.4f} a trial" if costs else "at no known price"
