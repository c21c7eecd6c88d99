"""The user's git repository: read without running git in it, and given one branch.

Its configuration, hooks and filters are never looked at by anything that would obey them.
What we write is the branch `autoagent/<tag>`, a projection of the store: objects that
carry their own checksum, and one ref file.
"""

import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from autoagent.errors import AutoAgentError, WorkspaceError
from autoagent.files import LARGEST, opened_directory, put, read_regular, sweep
from autoagent.records import Record
from autoagent.workspace import disks
from autoagent.workspace.git import refs
from autoagent.workspace.git.plumbing import object_name, run_git
from autoagent.workspace.git.store import Store
from autoagent.workspace.tasks.stat_cache import StatCache

_SMALL = 1024 * 1024
_LINK, _SUBMODULE = 0o120000, 0o160000


class UserRepo(Record):
    """The repository that holds the workspace."""

    top: Path
    """The directory of the work tree."""
    git_dir: Path
    """`.git`, or where the gitfile points: HEAD is here."""
    common_dir: Path
    """Objects and branches are here; differs from `git_dir` in a linked worktree."""
    prefix: str
    """The workspace's path below `top`, "" at the top."""

    @classmethod
    def discover(cls, root: Path) -> "UserRepo":
        """Find the repository that holds a workspace (a resolved path).

        Raises:
            WorkspaceError: There is none, or it is of a kind that we cannot read.
        """
        for top in (root, *root.parents):
            if os.path.lexists(top / ".git"):
                git_dir = _git_dir(top / ".git")
                common_dir = _common_dir(git_dir)
                _refuse_unreadable(common_dir)
                prefix = PurePosixPath(root.relative_to(top)).as_posix()
                return cls(
                    top=top,
                    git_dir=git_dir,
                    common_dir=common_dir,
                    prefix="" if prefix == "." else prefix,
                )
        raise WorkspaceError(
            f"{root}: no git repository: run `git init && git add -A && git commit -m start` there."
        )

    @property
    def objects(self) -> Path:
        """The objects directory, where the store looks for commits to start from."""
        return self.common_dir / "objects"

    def head(self) -> str | None:
        """The commit of HEAD, or None before the first one."""
        return refs.read_head(self.git_dir, self.common_dir)

    def branch_exists(self, tag: str) -> bool:
        """Whether the branch `autoagent/<tag>` is there, loose, packed or damaged."""
        return refs.exists(self.common_dir, refs.branch_name(tag))

    def project_branch(self, store: Store, tag: str, commit: str) -> list[str]:
        """Make `autoagent/<tag>` show a candidate: objects first, then the ref.

        A projection never fails a climb: what could not be done, and what somebody else
        had done to the branch, comes back as notes. Repeating the call is harmless.

        Returns:
            One sentence per note; empty when there is nothing to tell.
        """
        name = refs.branch_name(tag)
        if not self._is_ours():
            return [f"The branch `autoagent/{tag}` is not shown: the repository is another user's."]
        projected = f"refs/projected/{tag}"
        last = refs.read(store.path, projected)
        if refs.exists(self.common_dir, "refs/heads/autoagent"):
            in_the_way = self.common_dir / "refs/heads/autoagent"
            if not in_the_way.is_dir() or in_the_way.is_symlink():
                return [f"The branch `autoagent/{tag}` is not shown: `autoagent` is one already."]
        try:
            shown = last is not None and refs.read(self.common_dir, name) == last
            if shown and last == commit:
                return []
            self._give(store, store.objects(commit, given=last if shown else None))
            before = refs.swap(self.common_dir, name, commit, "any")
        except (AutoAgentError, OSError) as error:
            if disks.is_cause_of(error):  # whoever knows the places names it
                raise
            return [f"The branch `autoagent/{tag}` is not shown: {error}"]
        refs.swap(store.path, projected, commit, "any")
        if before in (last, commit):
            return []
        was = "deleted" if before is None else f"moved to {before[:7]}"
        return [f"Somebody had {was} the branch `autoagent/{tag}`; it is at {commit[:7]} again."]

    def keep(self, store: Store, tag: str, commits: Iterable[str]) -> None:
        """Have candidates at `refs/autoagent/<tag>/`, which are no branches; what is there stays.

        Raises:
            AutoAgentError: One could not be shown; the next call tries again.
        """
        if not self._is_ours():  # the branch's note says so
            return
        packed = refs.read_packed(self.common_dir)
        for commit in commits:
            name = f"refs/autoagent/{tag}/{commit}"
            if name not in packed and not os.path.lexists(self.common_dir / name):
                self._give(store, store.objects(commit))
                refs.swap(self.common_dir, name, commit, "any")

    def passed_over(self, store: Store) -> set[str]:
        """Tracked files of the workspace that git itself does not look at, by relative path.

        A sparse checkout leaves them out, or the human marked them (`git update-index
        --skip-worktree`, `--assume-unchanged`). Git reads the index as a file of the store's:
        nothing of the user's configuration is obeyed.
        """
        index = str(self.git_dir / "index")
        try:
            listed = run_git(store.path, "ls-files", "-v", "-z", GIT_INDEX_FILE=index)
        except WorkspaceError:  # of a kind that this git cannot read: then nothing is passed over
            return set()
        top = f"{self.prefix}/" if self.prefix else ""
        lines = (os.fsdecode(line) for line in listed.split(b"\0") if line)
        marked = (line[2:] for line in lines if line[0] == "S" or line[0].islower())
        return {path.removeprefix(top) for path in marked if path.startswith(top)}

    def _is_ours(self) -> bool:
        """Whether this user owns it all: another could aim us at what only this user may write."""
        places = (self.top / ".git", self.git_dir, self.common_dir)
        return all(place.lstat().st_uid == os.geteuid() for place in places)

    def sweep(self) -> None:
        """Remove what a killed process of ours left in the repository: objects, a branch's lock."""
        with suppress(OSError), opened_directory(self.objects) as objects:
            sweep(objects)
        refs.sweep(self.common_dir, "refs", "heads", "autoagent")
        for tag in (self.common_dir / "refs/autoagent").glob("*"):
            refs.sweep(self.common_dir, "refs", "autoagent", tag.name)

    def _give(self, store: Store, names: Iterable[str]) -> None:
        """Write objects as loose files, unless they are there."""
        for sha, (kind, data) in store.read(n for n in names if not self._has(n)).items():
            packed = zlib.compress(kind + b" %d\0" % len(data) + data, 1)
            with (
                opened_directory(self.objects) as objects,
                opened_directory(self.objects, sha[:2], create=True) as directory,
            ):
                put(directory, sha[2:], packed, 0o444, beside=objects)

    def _has(self, sha: str) -> bool:
        return os.path.lexists(self.objects / sha[:2] / sha[2:])


def changed(
    root: Path,
    tracked: Mapping[str, tuple[int, str]],
    ignore: Iterable[str],
    cache: StatCache,
) -> list[str]:
    """Tracked files of the workspace whose content is not what the commit has.

    Missing files count. A difference in line endings alone does not, and neither do
    permissions or submodules. Links are compared by their text, never followed.

    Args:
        root: The workspace.
        tracked: What `Store.tree` said.
        ignore: Paths that may differ; a directory's name stands for all below it.
        cache: Spares the reading of files nobody touched.

    Returns:
        Relative paths, sorted.
    """
    ignored = tuple(ignore)
    real: dict[str, bool] = {"": True}
    found = [
        path
        for path, (mode, sha) in tracked.items()
        if mode != _SUBMODULE
        and not any(path == name or path.startswith(name + "/") for name in ignored)
        and not (_real(root, path, real) and _same(root / path, mode, sha, path, cache))
    ]
    cache.save()
    return sorted(found)


def _real(root: Path, path: str, real: dict[str, bool]) -> bool:
    """Whether every directory above a path is one, and no link to somewhere else."""
    parent = path.rpartition("/")[0]
    if parent not in real:
        real[parent] = _real(root, parent, real) and _is_directory(root / parent)
    return real[parent]


def _is_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _same(path: Path, mode: int, sha: str, key: str, cache: StatCache) -> bool:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return mode == _LINK and object_name(b"blob", os.fsencode(path.readlink())) == sha
        if not stat.S_ISREG(status.st_mode):
            return False
        return cache.answer(f"{sha} {key}", status, lambda: _compare(path, sha)) == "same"
    except OSError:
        return False


def _compare(path: Path, sha: str) -> str:
    if path.lstat().st_size > LARGEST:  # too large to be text with other line endings
        return "same" if _streamed_name(path) == sha else "differs"
    data = read_regular(path)
    unix = data.replace(b"\r\n", b"\n")
    forms = [data] if b"\0" in data else [data, unix, unix.replace(b"\n", b"\r\n")]
    return "same" if any(object_name(b"blob", form) == sha for form in forms) else "differs"


def _streamed_name(path: Path) -> str:
    with path.open("rb") as file:
        start = b"blob %d\0" % os.fstat(file.fileno()).st_size
        digest = hashlib.file_digest(file, lambda: hashlib.sha1(start, usedforsecurity=False))
    return digest.hexdigest()


def _git_dir(path: Path) -> Path:
    """`.git` itself, or the directory that the gitfile names."""
    if path.is_dir() and not path.is_symlink():
        return path
    try:
        text = os.fsdecode(read_regular(path, 4096)).strip()
    except (OSError, WorkspaceError) as error:
        raise WorkspaceError(f"{path} is neither a directory nor a gitfile. Repair it.") from error
    named = path.parent / text.removeprefix("gitdir:").strip()
    if not text.startswith("gitdir:") or "\0" in text or not named.is_dir():
        raise WorkspaceError(f"{path} says {text[:200]!r}, where no repository is. Repair it.")
    return named.resolve()


def _common_dir(git_dir: Path) -> Path:
    try:
        text = os.fsdecode(read_regular(git_dir / "commondir", 4096)).strip()
    except FileNotFoundError:
        return git_dir
    return (git_dir / text).resolve()


def _refuse_unreadable(common_dir: Path) -> None:
    """SHA-256 objects and reftables are kinds of repository that we do not read."""
    try:
        config = read_regular(common_dir / "config", _SMALL).decode("utf-8", "replace")
    except FileNotFoundError:
        config = ""
    if re.search(r"^\s*objectformat\s*=\s*\"?sha256", config, re.IGNORECASE | re.MULTILINE):
        raise WorkspaceError(
            f"{common_dir} is a SHA-256 repository, which AutoAgent cannot read. "
            "Climb in one that `git init --object-format=sha1` made."
        )
    reftable = re.search(r"^\s*refstorage\s*=\s*\"?reftable", config, re.IGNORECASE | re.MULTILINE)
    if reftable or (common_dir / "reftable").is_dir():
        raise WorkspaceError(
            f"{common_dir} keeps its branches in reftables, which AutoAgent cannot read. "
            "Run `git refs migrate --ref-format=files`, then start again."
        )
