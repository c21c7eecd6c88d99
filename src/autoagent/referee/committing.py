"""A changed harness is checked and stored: what it is, what it copied, what was foretold of it."""

from collections.abc import Sequence
from typing import Any

from autoagent.errors import CandidateRefused, InfrastructureFault
from autoagent.evidence import events
from autoagent.gateway.ready import unpaid
from autoagent.referee import evaluations
from autoagent.referee.candidates import read_draft
from autoagent.referee.climb import Climb
from autoagent.referee.passages import sentences
from autoagent.referee.telling import reading
from autoagent.referee.telling.views import Commitment

AGAIN = "commit_candidate(description)"


def undo_first(climb: Climb) -> bool:
    """Put the incumbent's files where a discard could not; whether that was due.

    Raises:
        InfrastructureFault: It cannot be done yet.
    """
    if not climb.unrestored:
        return False
    climb.project()
    if climb.unrestored:
        raise InfrastructureFault(f"The last discard is not undone yet: {climb.unrestored}")
    return True


def commit(
    climb: Climb,
    description: str,
    dry_run: bool,
    should_fix: Sequence[str],
    may_break: Sequence[str],
) -> Commitment:
    """Check the harness on disk and store it; `dry_run` only checks.

    Raises:
        CandidateRefused: A rule is broken, or nothing changed; nothing was stored.
        InfrastructureFault: The last discard could not be undone in the files.
        UnknownName: A foretold task is none of this climb's.
    """
    config = climb.workspace.config
    if not description.strip() and not dry_run:
        why = "`description` is empty, and the ledger, the report and your next look at it need it"
        raise CandidateRefused([why], f"{AGAIN} with what you changed, and what it should fix")
    if undo_first(climb):
        undone = "the last discard had left the files as they were; they are the incumbent's now"
        aside = f"what stood there is in {climb.workspace.state / 'aside'}"
        raise CandidateRefused([f"{undone}, and {aside}"], f"make your edit anew, then {AGAIN}")
    own = f"{config.harness.file} and .agent/"
    if others := climb.projection.changed_elsewhere(climb.started.head):
        problems = [f"{path}: changed, and only {own} may" for path in others[:20]]
        raise CandidateRefused(problems, f"undo that, then {AGAIN} again")
    foretold = [
        climb.known_tasks(names, AGAIN) if names else () for names in (should_fix, may_break)
    ]
    draft = read_draft(climb.workspace, climb.canonical, climb.started.model)
    copied = () if dry_run else climb.copied(draft.files)  # no free soundings
    again = reading.tried_before(climb, description)
    standing = climb.position.incumbent
    dear = unpaid(config, climb.gateway, draft.output_limits)
    warnings = (*again, *_needless(climb, foretold[0]), dear, *sentences(copied), *draft.warnings)
    draft = draft.replace(warnings=tuple(filter(None, warnings)))
    incumbent = climb.candidate_named("incumbent" if standing else "baseline")
    earlier = evaluations.measured(climb, draft.digest)
    facts: dict[str, Any] = {
        "complexity": draft.complexity,
        "incumbent_complexity": incumbent.complexity,
        "warnings": draft.warnings,
        "duplicate_of": earlier.candidate[:7] if earlier else None,
    }
    if dry_run:
        return Commitment(candidate=None, **facts)
    if draft.digest == incumbent.digest:
        raise CandidateRefused(
            [f"no_change: {own} equal the incumbent {incumbent.short}"],
            f"edit above the boundary, then {AGAIN}",
        )
    stored = climb.projection.store(draft.files, parent=incumbent.id, message=description)
    candidate = draft.stored(stored, parent=incumbent.id, description=description)
    committed = events.CandidateCommitted(
        candidate=candidate,
        copied=copied,
        edits=climb.edits(incumbent, draft.files, draft.complexity),
        should_fix=foretold[0],
        may_break=foretold[1],
    )
    climb.append(committed, stored)
    return Commitment(candidate=candidate, **facts)


def _needless(climb: Climb, should_fix: Sequence[str]) -> list[str]:
    """Foretold tasks that the incumbent passes already."""
    if climb.position.incumbent is None:
        return []
    scores = climb.position.incumbent.score.task_scores
    passes = [task for task in should_fix if (scores.get(task) or 0.0) >= 1.0]
    return [f"nothing to fix, the incumbent passes: {', '.join(passes)}"] if passes else []
