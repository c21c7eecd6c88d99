"""What is said of a night, or of a climb, that is over."""

from typing import NamedTuple

from autoagent.evidence.position import Position


class Ending(NamedTuple):
    """How a night ended, and the exit code that says so (`autoagent night --help`)."""

    code: int
    message: str


def judged(reason: str, position: Position) -> Ending:
    """What to say of a climb that was closed."""
    best, kept = position.incumbent, position.rows - 1
    scores = (
        f"{position.baseline_passed} to {best.score.passed} of {best.score.expected}"
        if best
        else ""
    )
    climb = f"{reason}; {position.tag}: {scores} passed, {kept} candidates measured"
    if position.certificate is not None:
        effect = position.certificate.effect
        worth = f"certified {effect.difference:+.3f} ({effect.low:+.3f} to {effect.high:+.3f})"
        return Ending(0, f"{climb}; {worth}")
    if position.phase == "new":
        return Ending(1, f"{reason}; nothing was started")
    if position.phase != "finished":
        return Ending(1, f"{reason}; the climb {position.tag} is left in phase {position.phase}")
    whole = best is not None and best.candidate == position.baseline
    return Ending(0 if whole else 1, f"{climb}; not certified: {position.uncertified}")
