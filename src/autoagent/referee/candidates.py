"""Checking a candidate's bytes, read from the working tree once: what is hashed is what runs.

A candidate is the editable part of the harness file plus `.agent/**`. The fixed section
on disk is compared and then thrown away: what runs is `editable + canonical fixed section`.
"""

import hashlib
import sys
from collections.abc import Mapping

from autoagent.errors import CandidateRefused, WorkspaceError
from autoagent.files import read_regular
from autoagent.gate.simplicity import complexity
from autoagent.records import Candidate, Record
from autoagent.workspace import notes
from autoagent.workspace.harness import boundary
from autoagent.workspace.harness.boundary import Split
from autoagent.workspace.harness.hints import not_installed
from autoagent.workspace.harness.limits import output_limits
from autoagent.workspace.layout import Workspace
from autoagent.workspace.notes import NOTES_LIMIT_BYTES

HARNESS_LIMIT_BYTES = 1024 * 1024
REDO = "edit above the boundary, then commit_candidate(description) again"


class Draft(Record):
    """A candidate that passed every check and is not stored yet; paths as in the workspace."""

    files: Mapping[str, bytes]
    digest: str
    complexity: int
    warnings: tuple[str, ...]
    output_limits: tuple[int, ...] | None = None
    """What it sets on its model's answers (workspace/harness/limits.py)."""

    def stored(self, commit: str, *, parent: str | None, description: str) -> Candidate:
        """The candidate it became when it was stored."""
        return Candidate(
            id=commit,
            digest=self.digest,
            parent=parent,
            description=description,
            complexity=self.complexity,
            warnings=self.warnings,
        )


def read_draft(workspace: Workspace, canonical: Split, model: str | None) -> Draft:
    """Check the working tree's harness and notes against the frozen rules.

    Raises:
        CandidateRefused: Lists every broken rule with file and line.
    """
    try:
        source = read_regular(workspace.harness, HARNESS_LIMIT_BYTES)
    except (WorkspaceError, OSError) as error:
        raise CandidateRefused(
            [notes.unreadable(workspace.harness.name, error)], "revert()"
        ) from error
    return check_draft(workspace, source, read_notes(workspace), canonical, model)


def check_draft(
    workspace: Workspace,
    source: bytes,
    notes: Mapping[str, bytes],
    canonical: Split,
    model: str | None,
) -> Draft:
    """Check a harness and its notes against the frozen rules, wherever they come from.

    Raises:
        CandidateRefused: Lists every broken rule with file and line.
    """
    file, class_name = workspace.config.harness.file, workspace.config.harness.class_name
    if (total := sum(map(len, notes.values()))) > NOTES_LIMIT_BYTES:
        said = f".agent/: {total} bytes in all; the limit is {NOTES_LIMIT_BYTES}"
        raise CandidateRefused([said], REDO)
    checked = boundary.check(source, canonical, file, model=model, class_name=class_name)
    if checked.problems:
        raise CandidateRefused(list(checked.problems), REDO)
    return Draft(
        files={file: boundary.splice(checked.editable, canonical.fixed), **notes},
        digest=content_digest(checked.editable, notes),
        complexity=complexity(checked.editable, notes),
        warnings=checked.warnings,
        output_limits=output_limits(source),
    )


def draft_of(
    workspace: Workspace, files: Mapping[str, bytes], canonical: Split, model: str | None
) -> Draft | None:
    """A candidate put together from stored ones, or None where it breaks a rule of a candidate."""
    notes = dict(files)
    source = notes.pop(workspace.config.harness.file)
    try:
        return check_draft(workspace, source, notes, canonical, model)
    except CandidateRefused:
        return None


type Baseline = tuple[Draft, Split, str | None]
"""The unmodified harness, its split and the model it pins."""


def baseline_draft(workspace: Workspace) -> Baseline:
    """The unmodified harness, its split and the model it pins (rules R1, R2).

    Raises:
        WorkspaceError: The harness is missing, has no boundary, or breaks its own rules.
    """
    config = workspace.config
    try:
        source = read_regular(workspace.harness, HARNESS_LIMIT_BYTES)
    except OSError as error:
        raise WorkspaceError(
            f"{workspace.harness}: {error.strerror}. Put the harness under test there, by "
            "`autoagent init` say, or name it in autoagent.toml (harness.file)."
        ) from error
    split = boundary.split(source, config.harness.file)
    model = config.harness.model or boundary.model_pin(source)
    try:
        draft = read_draft(workspace, split, model)
    except CandidateRefused as error:
        raise WorkspaceError(
            f"{config.harness.file} cannot be the baseline: {'; '.join(error.problems)}."
        ) from error
    for package, line in not_installed(source).items():
        raise WorkspaceError(
            f"{workspace.harness}:{line} imports {package}, which is not installed where harnesses "
            f"run. Install what brings it into the environment of {sys.executable}."
        )
    return draft, split, model


def content_digest(editable: bytes, notes: Mapping[str, bytes]) -> str:
    """SHA-256 over the editable part and every note, each with its path and length."""
    digest = hashlib.sha256()
    for name, data in [("", editable), *sorted(notes.items())]:
        encoded = name.encode("utf-8", "surrogateescape")
        digest.update(b"%d:%s%d:" % (len(encoded), encoded, len(data)))
        digest.update(data)
    return digest.hexdigest()


def read_notes(workspace: Workspace) -> dict[str, bytes]:
    """Every file under `.agent/`, by path relative to the workspace.

    Raises:
        CandidateRefused: A link or special file, or one that is larger than all may be.
    """
    found, problems = notes.read_all(workspace)
    if problems:
        raise CandidateRefused(problems, REDO)
    return found
