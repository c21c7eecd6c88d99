"""A champion without one of its kept edits, as if that edit had never been made.

It merges text and judges nothing: whether the result may run, `candidates` says.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath

from autoagent.workspace.git.plumbing import merge_text
from autoagent.workspace.harness import boundary


def without(
    champion: Mapping[str, bytes],
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    harness: str,
) -> dict[str, bytes] | None:
    """The champion's files with the edit `before → after` taken back, file by file.

    Only the part above the boundary is merged; the fixed section is the champion's, byte for
    byte. An edit that added or deleted a file is taken back only where the champion still has
    it as the edit left it.

    Args:
        champion: The harness and `.agent/**`, as they were stored.
        before: The same of the incumbent that the edit improved.
        after: The same of the candidate that was kept.
        harness: The harness's file name.

    Returns:
        None where a later edit builds on this one, where nothing would change, or where the
        three have different fixed sections, which no climb has.

    Raises:
        BoundaryError: A harness has no boundary: it was not stored by us.
        WorkspaceError: git is missing or failed.
    """
    ours, base, theirs = (boundary.split(f[harness], harness) for f in (champion, after, before))
    if not ours.fixed == base.fixed == theirs.fixed:
        return None
    editable = _merged(ours.editable, base.editable, theirs.editable)
    if editable is None:
        return None
    files = {harness: boundary.splice(editable, ours.fixed)}
    for name in sorted({*champion, *before, *after} - {harness}):
        sides = champion.get(name), after.get(name), before.get(name)
        if sides[0] == sides[1]:
            merged = sides[2]
        elif sides[1] == sides[2] or sides[0] == sides[2]:
            merged = sides[0]
        elif (merged := _merged(*sides)) is None:
            return None
        if merged is not None:
            files[name] = merged
    return None if files == dict(champion) or _is_no_tree(files) else files


def _merged(ours: bytes | None, base: bytes | None, theirs: bytes | None) -> bytes | None:
    """A file that all three have, with the change `base → theirs` made to `ours`."""
    if ours is None or base is None or theirs is None:
        return None
    if base == theirs:
        return ours
    return theirs if ours == base else merge_text(ours, base, theirs)


def _is_no_tree(files: Mapping[str, bytes]) -> bool:
    """Whether a path is a file and a directory at once."""
    return any(str(above) in files for name in files for above in PurePosixPath(name).parents)
