"""What the meta-agent foretold of a candidate, and which of it came true.

A task rises where its score does, against the incumbent that the candidate was made from. A task
that was not measured on both sides tells nothing. Predictions decide nothing.
"""

from collections.abc import Mapping, Sequence

from autoagent.evidence import events
from autoagent.records import Record
from autoagent.referee.climb import Climb
from autoagent.referee.telling.views import EvaluationReport

Scores = Mapping[str, float | None]


class Foretold(Record):
    """Which tasks an edit should fix, and may break, and how each went.

    `fixed` and `broke` came true, `unfixed` and `held` did not, `unmeasured` nobody knows.
    `rose` and `fell` nobody had named; `others` is how many were measured that nobody had named.
    """

    fixed: tuple[str, ...] = ()
    unfixed: tuple[str, ...] = ()
    broke: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unmeasured: tuple[str, ...] = ()
    rose: tuple[str, ...] = ()
    fell: tuple[str, ...] = ()
    others: int = 0


def judged(
    should_fix: Sequence[str], may_break: Sequence[str], before: Scores, after: Scores
) -> Foretold:
    """Hold what was foretold against two measurements, by task."""
    measured = [t for t in after if before.get(t) is not None and after[t] is not None]
    up = {t for t in measured if (after[t] or 0.0) > (before[t] or 0.0)}
    down = {t for t in measured if (after[t] or 0.0) < (before[t] or 0.0)}
    named = dict.fromkeys([*should_fix, *may_break])
    return Foretold(
        fixed=tuple(t for t in should_fix if t in up),
        unfixed=tuple(t for t in should_fix if t in measured and t not in up),
        broke=tuple(t for t in may_break if t in down),
        held=tuple(t for t in may_break if t in measured and t not in down),
        unmeasured=tuple(t for t in named if t not in measured),
        rose=tuple(t for t in measured if t in up and t not in should_fix),
        fell=tuple(t for t in measured if t in down and t not in may_break),
        others=sum(t not in should_fix for t in measured),
    )


def of_report(climb: Climb, report: EvaluationReport) -> tuple[str, ...]:
    """Which predictions an evaluation made true; none where it decides nothing.

    One that was answered from before speaks of the candidate that waits for its row.
    """
    if report.verdict is None or report.score is None:
        return ()
    waiting = climb.position.evaluated
    again = waiting is not None and waiting.evaluation == report.evaluation
    commit = waiting.candidate.id if waiting and again else report.candidate
    return in_lines(_of_candidate(climb, commit, report.score.task_scores))


def _of_candidate(climb: Climb, commit: str, after: Scores) -> Foretold | None:
    """What was foretold of a candidate of this climb; None where nothing was."""
    for entry in climb.about(commit, events.CandidateCommitted):
        event = entry.event
        if event.should_fix or event.may_break:
            before = _scores(climb, event.candidate.parent)
            return judged(event.should_fix, event.may_break, before, after)
    return None


def _scores(climb: Climb, commit: str | None) -> Scores:
    """The scores of a kept candidate, by its ledger row."""
    for entry in climb.about(commit or "", events.ResultRecorded):
        if entry.event.row.status == "keep":
            return entry.event.row.task_scores
    return {}


def in_lines(found: Foretold | None) -> tuple[str, ...]:
    """Which predictions came true, a line for each kind."""
    if found is None:
        return ()
    told = {
        "foretold to be fixed, and was": found.fixed,
        "foretold to be fixed, and was not": found.unfixed,
        "might break, and did": found.broke,
        "might break, and did not": found.held,
        "foretold, and not measured": found.unmeasured,
        "fixed, and not foretold": found.rose,
        "broken, and not foretold": found.fell,
    }
    return tuple(f"{what}: {', '.join(tasks)}" for what, tasks in told.items() if tasks)


def over_a_night(found: Sequence[Foretold]) -> str:
    """How good the predictions of a night were; empty where none was made."""
    aimed = sum(len(one.fixed) + len(one.unfixed) for one in found)
    feared = sum(len(one.broke) + len(one.held) for one in found)
    if not aimed and not feared:
        return ""
    told: list[str] = []
    if aimed:
        others = sum(one.others for one in found)
        chance = f" (of those not named, {_share(sum(len(o.rose) for o in found), others)})"
        told.append(
            f"of tasks that an edit should fix, {_share(sum(len(o.fixed) for o in found), aimed)} "
            f"rose{chance if others else ''}"
        )
    if feared:
        fell = _share(sum(len(o.broke) for o in found), feared)
        told.append(f"of those that it might break, {fell} fell")
    unforeseen = sum(len(one.fell) for one in found)
    return f"{'; '.join(told)}; {unforeseen} fell unforeseen"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}"
