"""What one candidate did: its verdict, its tasks against the incumbent's, and why they fail."""

from dataclasses import dataclass

from autoagent.errors import UnknownName
from autoagent.evidence.untrusted import one_line
from autoagent.records import Candidate, EvaluationState
from autoagent.referee.passages import sentences
from autoagent.report.causes import Cause, causes
from autoagent.report.costs import Costs, costs
from autoagent.report.played import Measured, Played
from autoagent.report.results import Flips, Result, flips, results
from autoagent.report.story import TEXT, adds

SHORTEST = 4
"""Characters that name a commit."""
_STATES: dict[EvaluationState, str] = {
    "pruned": "stopped early",
    "out_of_time": "ended by its clock",
    "out_of_budget": "ended by its budget",
}


@dataclass(frozen=True)
class Told:
    """One candidate as a human reads it.

    Attributes:
        climb: The climb's tag.
        commit: In the store.
        parent: The incumbent that it was made from, or None for the baseline.
        description: What was tried.
        fate: `keep`, `discard`, `crash`, or where it stands without a row.
        passed: Such as `7/9`; empty where it was not found out.
        why: The verdict's sentence.
        complexity: Its own, and its parent's.
        flips: Its tasks against its parent's.
        failing: What it fails, by how.
        adds: What the champion loses without it, where that was measured.
        flags: What is to be looked at: passages of tasks, lint.
        diagnosed: How many subsets of tasks were run on it first.
        costs: Of all its trials.
    """

    climb: str
    commit: str
    parent: str | None
    description: str
    fate: str
    passed: str
    why: str
    complexity: tuple[int, int | None]
    flips: Flips
    failing: tuple[Cause, ...]
    adds: str
    flags: tuple[str, ...]
    diagnosed: int
    costs: Costs


def named(climbs: list[Played], commit: str) -> tuple[Played, Candidate]:
    """The candidate that a commit names, in the newest climb that has one.

    Raises:
        UnknownName: None has, or several have.
    """
    wanted = commit.lower()
    for climb in reversed(climbs):
        found = [c for c in climb.candidates.values() if c.id.startswith(wanted)]
        if len(wanted) >= SHORTEST and found:
            if len(found) == 1:
                return climb, found[0]
            both = ", ".join(one.id[:12] for one in found)
            raise UnknownName(f"{commit!r} is {len(found)} candidates: {both}.", "more of it")
    last = [one.short for one in climbs[-1].candidates.values()][-12:]
    raise UnknownName(f"{commit[:60]!r} is no candidate here. The last: {', '.join(last)}.")


def champion(climb: Played) -> Candidate:
    """The best of a climb: what was kept last, or the baseline."""
    kept = [recorded.commit for recorded in climb.rows if recorded.row.status == "keep"]
    return climb.candidates[kept[-1]] if kept else climb.started.baseline


def told(climb: Played, candidate: Candidate) -> Told:
    """Tell a candidate of a climb.

    Args:
        climb: Its facts.
        candidate: One of its candidates.
    """
    recorded = next((one for one in climb.rows if one.commit == candidate.id), None)
    found = climb.decided(recorded) if recorded else None
    measured = found[0] if found else _measured(climb, candidate)
    parent = climb.candidates.get(candidate.parent or "")
    mine = [
        one
        for one in climb.evaluations.values()
        if one.running.candidate == candidate.id and one.running.kind != "certify"
    ]
    return Told(
        climb=climb.started.tag,
        commit=candidate.id,
        parent=parent.id if parent else None,
        description=one_line(candidate.description, TEXT),
        fate=recorded.row.status if recorded else _fate(climb, candidate, measured),
        passed=recorded.row.passed if recorded else "",
        why=one_line(found[1].sentence, TEXT) if found else "",
        complexity=(candidate.complexity, parent.complexity if parent else None),
        flips=flips(_results(climb, parent), results(measured), climb.tasks)
        if measured and parent
        else Flips(),
        failing=causes(climb, measured) if measured else (),
        adds=adds(climb, candidate.short),
        flags=(*sentences(climb.copied.get(candidate.id, ())), *candidate.warnings),
        diagnosed=sum(one.running.kind == "subset" for one in mine),
        costs=costs(trial for one in mine for trial in one.trials if trial.side == ""),
    )


def _measured(climb: Played, candidate: Candidate) -> Measured | None:
    """The last whole evaluation of a candidate's content, whatever came of it."""
    return next(
        (
            one
            for one in reversed(climb.evaluations.values())
            if one.running.kind in ("baseline", "full") and one.running.digest == candidate.digest
        ),
        None,
    )


def _results(climb: Played, candidate: Candidate | None) -> dict[str, Result]:
    measured = _measured(climb, candidate) if candidate else None
    return results(measured) if measured else {}


def _fate(climb: Played, candidate: Candidate, measured: Measured | None) -> str:
    """Where a candidate stands that has no row."""
    if climb.progress and measured and climb.progress.evaluation == measured.running.id:
        return "being measured"
    if measured and measured.decisions:
        state = measured.decisions[-1].event.state
        return f"{_STATES.get(state, state)}, not recorded"
    left = candidate.id in climb.reverted or climb.ended is not None
    return "left without being measured" if left else "committed, not measured yet"
