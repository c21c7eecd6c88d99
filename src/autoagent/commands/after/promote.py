"""`autoagent promote`: a finished climb's champion as a branch to review, with its evidence.

A human's decision alone: it is asked at a terminal and typed, and no tool makes it. Nothing is
merged, pushed or deployed. The branch starts where the climb started and has one commit, so
that what is reviewed is the whole change and nothing of the search.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoagent.commands.after.verify import journal_of
from autoagent.errors import WorkspaceError
from autoagent.referee.ending.ablation import without
from autoagent.report.played import last_climb
from autoagent.report.story import Edit, Story, story
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import WorkspaceLock, open_workspace

AGAIN = "`autoagent promote` again"


@dataclass(frozen=True)
class Branch:
    """A branch that was made, and what the human should hear of it."""

    name: str
    commit: str
    notes: tuple[str, ...] = ()


def promote(
    root: Path,
    ask: Callable[[Story], str],
    *,
    leave_out: Collection[str] = (),
    split: bool = False,
    force: bool = False,
) -> list[Branch]:
    """Make the branch `autoagent/TAG-promoted`, or one for each kept edit.

    Args:
        root: The workspace.
        ask: Shows a human the story; returns what they typed, which must be the climb's tag.
        leave_out: Commits of kept edits that are taken back first, as the ablation does it.
        split: One branch for each kept edit instead, `autoagent/TAG-1` and so on.
        force: Promote what is not certified as a gain, too.

    Raises:
        WorkspaceError: There is nothing to promote, it is no certified gain, an edit cannot be
            taken back alone, or the human typed something else.
        WorkspaceBusy: A server has the workspace open.
    """
    workspace = open_workspace(root)
    with WorkspaceLock(workspace.lock, root=workspace.root), journal_of(workspace) as journal:
        climb = last_climb(journal)
        told, evidence = story(climb, climb.at), journal.head()[:12]
        _may_be_promoted(told, force=force)
        left = [_named(told.edits, commit) for commit in leave_out]
        if ask(told) != told.tag:
            raise WorkspaceError("Nothing was promoted: that is not the climb's tag.", AGAIN)
        maker = _Maker(Projection(workspace), workspace.config.harness.file, climb.started.head)
        if split:
            return list(_split(maker, told, evidence))
        files = _champion(maker, told, left)
        said = message(told, told.edits, left, evidence)
        return [maker.branch(f"{told.tag[:31]}-promoted", files, said)]


def _may_be_promoted(told: Story, *, force: bool) -> None:
    if told.headline == "RUNNING":
        raise WorkspaceError(f"Climb {told.tag} is not over.", "finish_climb() in your client")
    if not told.edits:
        raise WorkspaceError(f"Climb {told.tag} kept no edit: there is nothing to promote.")
    if told.headline != "READY" and not force:
        raise WorkspaceError(
            f"{told.headline}: {told.sentence} Nothing was promoted.",
            f"read `autoagent report`, then {AGAIN} with --force if you want it all the same",
        )


def _named(edits: Sequence[Edit], commit: str) -> Edit:
    found = [edit for edit in edits if len(commit) >= 7 and edit.candidate.startswith(commit)]
    if len(found) != 1:
        known = ", ".join(edit.step.commit for edit in edits)
        raise WorkspaceError(f"{commit!r} is no kept edit: these are: {known}.", AGAIN)
    return found[0]


@dataclass(frozen=True)
class _Maker:
    """Makes branches on the commit that the climb started from."""

    projection: Projection
    harness: str
    head: str

    def branch(self, name: str, files: Mapping[str, bytes], said: str) -> Branch:
        commit = self.projection.store(files, parent=self.head, message=said)
        return Branch(f"autoagent/{name}", commit, tuple(self.projection.branch(name, commit)))

    def taken_back(self, files: Mapping[str, bytes], edit: Edit) -> dict[str, bytes] | None:
        """Files without an edit, or None where a later one builds on it."""
        before, after = map(self.projection.content, (edit.parent, edit.candidate))
        return without(files, before, after, self.harness)

    def made_to(self, files: Mapping[str, bytes], edit: Edit) -> dict[str, bytes] | None:
        """Files with an edit, or None where it builds on an earlier one."""
        before, after = map(self.projection.content, (edit.parent, edit.candidate))
        return without(files, after, before, self.harness)


def _champion(maker: _Maker, told: Story, left: Sequence[Edit]) -> Mapping[str, bytes]:
    """The champion's files, without the edits that the human leaves out."""
    files: Mapping[str, bytes] = maker.projection.content(told.edits[-1].candidate)
    for edit in sorted(left, key=told.edits.index, reverse=True):
        found = maker.taken_back(files, edit)
        if found is None:
            raise WorkspaceError(
                f"{edit.step.commit} cannot be taken back alone: a later edit builds on it.",
                "promote without --without, and change the branch by hand",
            )
        files = found
    return files


def _split(maker: _Maker, told: Story, evidence: str) -> Iterator[Branch]:
    """A branch for each edit that can be made to the baseline by itself."""
    first = maker.projection.content(told.edits[0].parent)
    for number, edit in enumerate(told.edits, 1):
        files = maker.made_to(first, edit)
        if files is None:
            said = f"{edit.step.commit} builds on an earlier edit: it has no branch of its own."
            yield Branch("", edit.candidate, (said,))
        else:
            said = message(told, [edit], (), evidence)
            yield maker.branch(f"{told.tag[:37]}-{number}", files, said)


def message(told: Story, edits: Sequence[Edit], left: Sequence[Edit], evidence: str) -> str:
    """The commit's message: the claim, the edits it rests on, and where to check them."""
    what = edits[0].step.description if len(edits) == 1 < len(told.edits) else f"climb {told.tag}"
    lines = [f"Promote {what}", "", f"{told.headline}: {told.sentence}", ""]
    lines += [f"{name}: {said}" for name, said in told.gains]
    lines += ["", "Kept edits:"]
    for edit in edits:
        if edit in left:
            continue
        adds = f"; with it, against without it: {edit.adds}" if edit.adds else ""
        lines.append(f"- {edit.step.commit} {edit.step.description} ({edit.step.passed}{adds})")
    if left:
        lines += ["", "Left out by hand, so the certificate is of a harness that has them too:"]
        lines += [f"- {edit.step.commit} {edit.step.description}" for edit in left]
    if told.incidents:
        lines += ["", "Incidents:", *(f"- {one}" for one in told.incidents)]
    return "\n".join([*lines, "", f"Journal {evidence}; `autoagent verify` replays it.", ""])
