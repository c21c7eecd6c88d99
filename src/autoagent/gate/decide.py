"""Which evaluations decide anything, what they decide, and the sentence that says why.

A whole baseline is kept, a full suite is decided by the gate that the human chose, one that
was not measured to its end is discarded, and all else decides nothing (rules R2, R4, R5, R9).
"""

from collections.abc import Sequence

from autoagent.gate.contests import agenda_of
from autoagent.gate.passes import Count
from autoagent.gate.rules.anytime import evidence
from autoagent.gate.rules.blocks import Blocks
from autoagent.gate.rules.wording import believed
from autoagent.gate.score import score
from autoagent.gate.simplicity import simpler_at
from autoagent.records import (
    Contest,
    EvaluationState,
    Glimpse,
    Reason,
    Running,
    Score,
    Standing,
    Trial,
    Verdict,
)


def heard(running: Running, trials: Sequence[Trial]) -> Sequence[Trial]:
    """The trials, but for a pass that is no measurement: those are void (rule R9).

    Such a pass timed out or crashed in every trial before the first call to an environment or a
    model. Of a candidate, crashes alone are its own: the baseline ran on the same machine. A
    baseline that crashed in every trial for one and the same reason is that reason, no yardstick.
    """
    if running.kind not in ("baseline", "full"):
        return trials
    passes: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.side == "" and trial.outcome != "void":
            passes.setdefault((trial.attempt - 1) // running.attempts, []).append(trial)
    own = running.kind == "full"
    void = {
        trial.id
        for of_pass in passes.values()
        if (running.one_cause_is_none and _one_cause(of_pass))
        or all(trial.silent for trial in of_pass)
        and not (own and all(trial.outcome == "crashed" for trial in of_pass))
        for trial in of_pass
    }
    if not void:
        return trials
    return [t.replace(outcome="void", reward=None) if t.id in void else t for t in trials]


def _one_cause(trials: Sequence[Trial]) -> bool:
    crashed = all(trial.outcome == "crashed" for trial in trials)
    return crashed and len({trial.detail for trial in trials}) == 1 and bool(trials[0].detail)


def score_of(running: Running, trials: Sequence[Trial], *, seconds: float) -> Score:
    """The score an evaluation stands for (rule R3): that of its own side, over one whole pass.

    It is the last pass that was measured to its end, since every earlier one was selected by
    what came after it; else the first, as far as it got. A baseline's is its first: the second
    only sizes the noise. Evaluations that are no contest count all of their trials.
    """
    trials = heard(running, trials)
    return score(trials, running.tasks, deciding_attempts(running, trials), seconds=seconds)


def deciding_attempts(running: Running, trials: Sequence[Trial | Glimpse]) -> range:
    """The attempts that the score is about."""
    number = 1
    if running.contest is not None:
        if any(trial.attempt > running.attempts for trial in trials):  # a second pass began
            counts = agenda_of(running, trials).counts()
            number = max((n for n, count in enumerate(counts, 1) if not count.left), default=1)
    elif running.kind != "baseline":
        return range(1, running.attempts * running.passes + 1)
    return range((number - 1) * running.attempts + 1, number * running.attempts + 1)


def state_of(ended: EvaluationState, running: Running, trials: Sequence[Trial]) -> EvaluationState:
    """How an evaluation ended: one that its worker ran to the end may still have void trials."""
    found = heard(running, trials)
    if ended == "pruned" and found is not trials:
        return "indecisive"
    if ended != "complete":
        return ended
    trials = found
    if running.contest is not None:
        whole = agenda_of(running, trials).whole
    else:
        found = score_of(running, trials, seconds=0.0)
        whole = found.measured == found.expected
    return "complete" if whole else "indecisive"


def decide(
    running: Running,
    state: EvaluationState,
    trials: Sequence[Trial],
    measured: Standing,
    incumbent: Standing | None,
) -> Verdict | None:
    """The verdict on an evaluation that ended, or None where it decides nothing.

    An incomplete baseline decides nothing: it is measured again.
    """
    if running.kind == "baseline":
        return _baseline(measured.score) if state == "complete" else None
    if running.kind != "full":
        return None
    assert incumbent is not None and running.contest is not None, "a full suite is a contest"
    trials = heard(running, trials)
    agenda = agenda_of(running, trials)
    answer, found = agenda.answer(), measured.score
    if state not in ("complete", "pruned") or answer == "open":
        return _undecided(found, state)
    if found.crashed and found.crashed == found.measured:
        was = f"; the incumbent passed {_passed(incumbent.score)}"
        return _verdict("crashed", f"all {found.crashed} trials that ran crashed{was}")
    if isinstance(agenda, Blocks):
        return _believed(agenda, running.contest, measured, incumbent)
    if answer == "won":
        return _kept(running.contest, agenda.counts(), measured, incumbent)
    return _lost(running.contest, agenda.counts(), measured, incumbent)


def decide_again(
    running: Running,
    state: EvaluationState,
    trials: Sequence[Trial],
    measured: Standing,
    incumbent: Standing,
    contest: Contest,
) -> Verdict:
    """The verdict on content that was measured before, against another incumbent (rule R8).

    A whole pass is held against the incumbent of today. Fresh passes of both sides were held
    against that of another day and are not repeated, so nothing is kept by them.
    """
    if contest.rule == "strict":
        again = running.replace(kind="full", contest=contest)
        if state != "pruned" or agenda_of(again, trials).answer() == "lost":
            verdict = decide(again, state, trials, measured, incumbent)
            assert verdict is not None
            return verdict
    return _verdict(
        "measured_before",
        f"measured before as {measured.evaluation}, against another incumbent, and not kept then: "
        "the same content is not measured twice",
    )


def _baseline(found: Score) -> Verdict:
    """Keep the unmodified baseline, whatever it scored: it is the yardstick (rule R2)."""
    crashed = f", {found.crashed} crashed" if found.crashed else ""
    return _verdict("baseline", f"the baseline passed {_passed(found)}{crashed}")


def _undecided(found: Score, state: EvaluationState) -> Verdict:
    """Discard what was not measured to its end: it is no keep, whatever passed (rules R4, R9)."""
    so_far = f"{found.measured}/{found.expected} trials measured"
    match state:
        case "cancelled":
            return _verdict("cancelled", f"cancelled with {so_far}: only a full suite decides")
        case "out_of_time":
            return _verdict("out_of_time", f"out of time with {so_far}: only a full suite decides")
        case "out_of_budget":
            return _verdict("budget", f"out of budget with {so_far}: only a full suite decides")
        case _:
            void = f"{so_far}, {found.void} void"
            return _verdict("indecisive", f"{void}: only a full suite decides")


def _believed(agenda: Blocks, contest: Contest, measured: Standing, incumbent: Standing) -> Verdict:
    """What the posterior gate says: the first pass, and then what is believed task by task."""
    (first,), expected = agenda.counts(), incumbent.score.expected
    told = believed(contest, agenda.seen)
    if agenda.pruned:
        ran = expected - first.left
        return _verdict("pruned", f"stopped after {ran}/{expected} trials: {told}")
    passed = f"passed {first.passed}/{expected} in its first pass, and {told}"
    if agenda.seen.answer == "lost":
        return _verdict("no_expected_gain", passed)
    if not contest.simpler:
        return _verdict("expected_gain", passed)
    now, was = measured.candidate.complexity, incumbent.candidate.complexity
    return _verdict("simpler", f"{passed}; it is simpler: complexity {now}, was {was}")


def _kept(
    contest: Contest, seen: Sequence[Count], measured: Standing, incumbent: Standing
) -> Verdict:
    more = seen[0].passed > contest.stored
    now, was = measured.candidate.complexity, incumbent.candidate.complexity
    first = f"passed {seen[0].passed}/{incumbent.score.expected}"
    if more:
        first += f", was {_passed(incumbent.score)}"
    else:
        first += f", as before, and simpler: complexity {now}, was {was}"
    return _verdict("passed_up" if more else "simpler", "; ".join([first, *_fresh(contest, seen)]))


def _lost(
    contest: Contest, seen: Sequence[Count], measured: Standing, incumbent: Standing
) -> Verdict:
    first, old = seen[0], incumbent.score
    passed = f"passed {first.passed}/{old.expected}"
    now, was = measured.candidate.complexity, incumbent.candidate.complexity
    simpler = f"complexity {now}, was {was} (simpler is {simpler_at(was)} or less)"
    if len(seen) > 1:
        told = "; ".join([f"{passed}, was {_passed(old)}", *_fresh(contest, seen)])
        return _verdict("not_confirmed", f"{told}: not confirmed")
    if first.left:
        ran = old.expected - first.left
        needed = f"{contest.stored}"
        if not contest.simpler:
            needed = f"more than {contest.stored}, as it is not simpler: {simpler}"
        return _verdict(
            "pruned",
            f"stopped after {ran}/{old.expected} trials, {first.passed} passed: at most "
            f"{first.passed + first.left} could pass, and a keep takes {needed}",
        )
    if first.passed < contest.stored:
        return _verdict("passed_down", f"{passed}, was {_passed(old)}")
    return _verdict("not_simpler", f"{passed}, as before, and not simpler: {simpler}")


def _fresh(contest: Contest, seen: Sequence[Count]) -> list[str]:
    """What the passes of both sides showed, in words."""
    if len(seen) == 1:
        return []
    if contest.rule == "anytime":
        wins, losses = sum(c.wins for c in seen[1:]), sum(c.losses for c in seen[1:])
        return [
            f"over {_passes(len(seen) - 1)} of both sides it won {wins} pairs and lost {losses}, "
            f"evidence {evidence(wins, losses):.1f} of {1 / contest.alpha:.1f}"
        ]
    return [
        f"pass {number}: {count.passed} against {count.rival_passed} of the incumbent"
        + ("" if count.complete else " when it was stopped")
        for number, count in enumerate(seen[1:], start=2)
    ]


def _passes(number: int) -> str:
    return "a fresh pass" if number == 1 else f"{number} fresh passes"


def _verdict(reason: Reason, sentence: str) -> Verdict:
    keeps = ("baseline", "passed_up", "expected_gain", "simpler")
    status = "keep" if reason in keeps else "crash" if reason == "crashed" else "discard"
    return Verdict(status=status, reason=reason, sentence=sentence)


def _passed(found: Score) -> str:
    return f"{found.passed}/{found.expected}"
