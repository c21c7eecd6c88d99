"""The strict gate, which is the upstream's rule: more passed, or as many and simpler.

passed more                        keep
passed as many, and is simpler     keep
anything else                      discard
every trial crashed                crash (a discard with its own word)
any expected trial void            discard: it decides nothing
"""

from autoagent.gate.simplicity import is_simpler, simpler_at
from autoagent.records import EvaluationState, Score, Standing, Verdict


def decide(candidate: Standing, incumbent: Standing) -> Verdict:
    """Decide a candidate by its complete evaluation (rule R5).

    A void trial never helps: with one left the answer is a discard, whatever passed (rule R9).
    """
    new, old = candidate.score, incumbent.score
    if new.void:
        return undecided(new, "indecisive")
    if (new.expected, set(new.task_scores)) != (old.expected, set(old.task_scores)):
        return Verdict(
            status="discard",
            reason="indecisive",
            sentence=f"ran {new.expected} trials of {len(new.task_scores)} tasks, the incumbent "
            f"{old.expected} of {len(old.task_scores)}: different suites cannot be compared",
        )
    passed = f"passed {new.passed}/{new.expected}"
    if new.crashed == new.expected:
        return Verdict(
            status="crash",
            reason="crashed",
            sentence=f"all {new.crashed} trials crashed; the incumbent passed {_passed(old)}",
        )
    if new.passed > old.passed:
        return Verdict(status="keep", reason="passed_up", sentence=f"{passed}, was {_passed(old)}")
    if new.passed < old.passed:
        return Verdict(
            status="discard", reason="passed_down", sentence=f"{passed}, was {_passed(old)}"
        )
    now, was = candidate.candidate.complexity, incumbent.candidate.complexity
    if is_simpler(now, was):
        return Verdict(
            status="keep",
            reason="simpler",
            sentence=f"{passed}, as before, and simpler: complexity {now}, was {was}",
        )
    return Verdict(
        status="discard",
        reason="not_simpler",
        sentence=f"{passed}, as before, and not simpler: complexity {now}, was {was} "
        f"(simpler is {simpler_at(was)} or less)",
    )


def decide_baseline(score: Score) -> Verdict:
    """Keep the unmodified baseline, whatever it scored: it is the yardstick (rule R2).

    With a void trial it is no yardstick yet, and the answer is a discard (rule R9).
    """
    if score.void:
        return undecided(score, "indecisive")
    crashed = f", {score.crashed} crashed" if score.crashed else ""
    return Verdict(
        status="keep",
        reason="baseline",
        sentence=f"the baseline passed {_passed(score)}{crashed}",
    )


def undecided(score: Score, state: EvaluationState) -> Verdict:
    """Discard a candidate whose evaluation ended without measuring every trial (rules R4, R9)."""
    measured = f"{score.expected - score.void}/{score.expected} trials measured"
    match state:
        case "cancelled":
            return Verdict(
                status="discard",
                reason="cancelled",
                sentence=f"cancelled with {measured}: only a full suite decides",
            )
        case "out_of_time":
            return Verdict(
                status="discard",
                reason="out_of_time",
                sentence=f"out of time with {measured}: only a full suite decides",
            )
        case "out_of_budget":
            return Verdict(
                status="discard",
                reason="budget",
                sentence=f"out of budget with {measured}: only a full suite decides",
            )
        case "indecisive" | "complete" | "running":
            return Verdict(
                status="discard",
                reason="indecisive",
                sentence=f"{measured}, {score.void} void: only a full suite decides",
            )


def _passed(score: Score) -> str:
    return f"{score.passed}/{score.expected}"
