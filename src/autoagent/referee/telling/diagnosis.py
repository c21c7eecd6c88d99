"""Why the incumbent fails: its failures by cause, the cheapest next look, and what was tried.

Read from the journal and a few kilobytes of each failing trial, so it takes no longer at the end
of a night. Only tasks of this climb are named, and only what `read_trajectory` shows is quoted.
"""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from autoagent.evidence import events, trajectory
from autoagent.evidence.causes import Cluster, clusters
from autoagent.evidence.untrusted import one_line, quoted
from autoagent.records import Standing, Trial
from autoagent.referee import evaluations
from autoagent.referee.climb import Climb
from autoagent.referee.telling.views import Diagnosis

LOOKED_BACK = 100
"""Candidates, the newest, among which those are sought that tried to fix what fails."""
NAMES = 6
LOOKED_AT = 100
"""Trials of the most frequent cause among which the one that is cheapest to read is sought."""


class Failing(NamedTuple):
    """Why an evaluation's trials fail, and the one of the first cause that is cheapest to read."""

    clusters: Sequence[Cluster[Trial]]
    look: str | None


def diagnose(climb: Climb, standing: Standing) -> Diagnosis:
    """The incumbent's failures by cause, most trials first."""
    if climb.diagnosed is None or climb.diagnosed[0] != standing.evaluation:
        climb.diagnosed = standing.evaluation, _failing(climb, standing.evaluation)
    found, look = climb.diagnosed[1]
    failing = sum(len(cluster.trials) for cluster in found)
    tasks = list(dict.fromkeys(task for cluster in found for task in cluster.tasks))
    return Diagnosis(
        evaluation=standing.evaluation,
        failing=failing,
        causes=tuple(f"{len(c.trials)} of {failing}: {_told(c)}" for c in found),
        tried=tuple(_tried(climb, tasks)),
        look=f'read_trajectory("{look}")' if look else None,
    )


def _failing(climb: Climb, evaluation: str) -> Failing:
    places = evaluations.directories(climb.journal, evaluation)
    found = clusters(
        evaluations.report_of(climb.journal, evaluation).trials,
        places,
        verifier_shown=climb.workspace.config.benchmark.verifier_output == "shown",
    )
    sizes = {
        trial.id: trajectory.size_of(Path(places[trial.id])) or 1 << 40
        for trial in (found[0].trials[:LOOKED_AT] if found else ())
    }
    return Failing(found, min(sizes, key=lambda one: (sizes[one], one), default=None))


def _told(cluster: Cluster[Trial]) -> str:
    said = f" {quoted(cluster.cause.said, 90)}" if cluster.cause.said else ""
    return f"{cluster.cause.what}{said}: {_listed(cluster.tasks)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more


def _tried(climb: Climb, failing: Sequence[str]) -> list[str]:
    """Candidates that were not kept though they passed such tasks, or were to fix them."""
    known = set(failing)
    found: list[tuple[int, int, str]] = []
    for number, entry in enumerate(islice(climb.newest(events.ResultRecorded), LOOKED_BACK)):
        row = entry.event.row
        if row.status == "keep":
            continue
        aims = [e.event.should_fix for e in climb.about(entry.subject, events.CandidateCommitted)]
        scores = row.task_scores
        passed = [task for task in failing if (scores.get(task) or 0) >= 1]
        missed = [t for aim in aims for t in aim if t in known and t not in passed]
        told = [f"passed {_listed(passed)}"] if passed else []
        told += [f"was to fix {_listed(missed)}"] if missed else []
        if told:
            line = (
                f"{row.commit} {row.status} {' and '.join(told)}: {one_line(row.description, 90)}"
            )
            found.append((-len(passed), number, line))
    return [line for _, _, line in sorted(found)]
