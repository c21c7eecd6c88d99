"""What trials of the night have cost, as the gateway metered them: it foretells what others will.

Where one trial was not metered, or nothing will be, it foretells nothing: then a trial is charged
what was reserved for it.
"""

from typing import TYPE_CHECKING

from autoagent.errors import ConfigError
from autoagent.evidence import events
from autoagent.evidence.journal import Entry
from autoagent.referee import evaluations
from autoagent.referee.budget import Cost

if TYPE_CHECKING:
    from autoagent.referee.climb import Climb

COUNTED = ("baseline", "full", "subset", "certify")


def known(climb: "Climb") -> Cost:
    """What the night's trials have cost; nothing where dollars are not capped, or not metered."""
    caps = climb.workspace.config.budget
    if caps.dollars is None or not caps.dollars_per_trial or not _metered(climb):
        return Cost()
    since = climb.position.started_at

    def add(sum: Cost | None, entry: Entry[events.EvaluationFinished]) -> Cost | None:
        if sum is None or entry.at < since:
            return sum
        one = _cost(climb, entry.event)
        return one and Cost(trials=sum.trials + one.trials, each=max(sum.each, one.each))

    found: Cost | None = Cost()
    return climb.counted(("costs", since), events.EvaluationFinished, add, found, 0) or Cost()


def _metered(climb: "Climb") -> bool:
    """Whether a gateway with an account will meter what comes, and end it at its caps."""
    try:
        planned = climb.gateway
    except ConfigError:
        return False
    return planned is not None and bool(planned.models)


def _cost(climb: "Climb", finished: events.EvaluationFinished) -> Cost | None:
    """What an evaluation's trials cost on average; None where one was not metered."""
    if finished.evaluation_kind not in COUNTED:
        return Cost()
    trials = evaluations.trials_of(climb.journal, finished.evaluation)
    if any(trial.cost_usd is None for trial in trials):
        return None
    told = [trial for trial in trials if trial.outcome not in ("void", "crashed")]
    ran = {(trial.task, trial.attempt, trial.side) for trial in told}
    if not ran:  # what fails at once costs little, and foretells nothing
        return Cost()
    charged = evaluations.charge_of(climb.journal, finished.evaluation)
    return Cost(trials=len(ran), each=charged / len(ran))
