"""What a climb is worth, in words. The search's own best score is never the claim."""

from autoagent.gateway.identity import troubles
from autoagent.records import STAND_IN, Certificate, Effect
from autoagent.referee.telling.views import Status

STOOD_IN = f"{STAND_IN}: rules answered in the place of a model; no number says anything about one"
"""What a reader must know before any number of such a climb."""


def worth(status: Status) -> str:
    """The certificate of a climb that is over, or why it has none; a STAND-IN's says so first."""
    told = (status.incumbent and status.incumbent.score, status.certificate)
    stood_in = any(number.stand_in for number in told if number)
    return f"{STOOD_IN}. {_worth(status)}" if stood_in else _worth(status)


def _worth(status: Status) -> str:
    if status.certificate is None:
        best = status.incumbent
        scored = (
            f" The search itself saw {best.score.passed}/{best.score.expected} for "
            f"{best.candidate.short} and {status.baseline_passed} for the baseline, which luck "
            "inflates."
            if best
            else ""
        )
        return f"Not certified: {status.uncertified.rstrip('.')}.{scored}"
    return certified(status.certificate)


def certified(found: Certificate) -> str:
    """What a certificate says: of the suite, of held-out tasks, and what the search had seen."""
    told = (
        f"Certified: {found.champion[:7]} against the baseline {points(found.effect)}, in "
        f"{found.passes} fresh passes of {found.effect.tasks} tasks"
    )
    if found.holdout is not None:
        told += f"; on {found.holdout.tasks} held-out tasks {points(found.holdout)}"
    if found.void:
        told += f"; {found.void} pairs were void"
    told += "".join(f"; {trouble}" for trouble in troubles(found.answered_by))
    return f"{told}. The search itself saw {100 * found.optimistic:+.1f} points (optimistic)."


def taking_over(status: Status) -> str:
    """How the human takes the champion over, where one was kept, in one sentence; else empty."""
    best = status.incumbent
    if best is None or best.candidate.parent is None:
        return ""
    return f"The champion is one command away: `git merge autoagent/{status.tag}`."


def edits_worth(found: Certificate | None) -> list[str]:
    """What each kept edit adds to the champion, where the certification measured that."""
    if found is None:
        return []
    return [
        f"With the edit {commit}, against without it: {points(effect)}."
        for commit, effect in found.left_out.items()
    ]


def points(effect: Effect) -> str:
    """A difference in points with its interval, and the two rates it is between."""
    return (
        f"{100 * effect.difference:+.1f} points (95 % interval {100 * effect.low:+.1f} to "
        f"{100 * effect.high:+.1f}; {100 * effect.before:.0f} % to {100 * effect.after:.0f} %)"
    )
