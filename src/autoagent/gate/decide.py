"""Which evaluations decide anything, and by which gate.

A complete baseline is kept, a complete full suite is decided by the gate the human chose,
an incomplete full suite is discarded, and everything else decides nothing (rules R2, R4, R5).
"""

from autoagent.gate import strict
from autoagent.records import EvaluationKind, EvaluationState, Standing, Verdict


def decide(
    kind: EvaluationKind,
    state: EvaluationState,
    measured: Standing,
    incumbent: Standing | None,
) -> Verdict | None:
    """The verdict on an evaluation that ended, or None where it decides nothing.

    An incomplete baseline decides nothing: it is measured again.
    """
    if kind in ("subset", "oracle", "noop"):
        return None
    if incumbent is None:
        return strict.decide_baseline(measured.score) if state == "complete" else None
    if state != "complete":
        return strict.undecided(measured.score, state)
    return strict.decide(measured, incumbent)
