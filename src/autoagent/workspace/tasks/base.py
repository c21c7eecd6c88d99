"""What the tasks of a workspace share of their environment: the files below its `base/`.

`base/app/tool` is `/app/tool` in every task. The base image has them because `Dockerfile.base`
copies them; the sandbox lays the same files under a root before it replays a task's Dockerfile.
"""

from pathlib import Path

from autoagent.errors import WorkspaceError
from autoagent.files import digest_of, read_regular, tree_digest, walk

BASE = "base"


def base_below(root: Path) -> Path | None:
    """The shared files of a workspace or a snapshot, None where there are none."""
    base = root / BASE
    return base if base.is_dir() else None


def base_of(environment: Path) -> Path | None:
    """The shared files that a task's `environment/` starts from, None where there are none.

    They lie beside the directory of tasks: `base/` and `tasks/<name>/environment/`. So it is in
    a snapshot, for its held-out tasks too.
    """
    return base_below(environment.absolute().parents[2])


def copy_base(workspace: Path, target: Path) -> None:
    """Copy a workspace's shared files, if it has any, as regular files of mode 0644 or 0755.

    Raises:
        WorkspaceError: There is something else than a regular file among them.
    """
    base = workspace / BASE
    if not base.exists() and not base.is_symlink():
        return
    if base.is_symlink() or not base.is_dir():
        raise WorkspaceError(f"{base}: is no directory. Put the files there that all tasks share.")
    tree = walk(base)
    if tree.problems:
        raise WorkspaceError("\n".join(f"{BASE}/{problem}" for problem in tree.problems))
    for name in ("", *tree.directories):
        (target / name).mkdir()
    for name, status in tree.files.items():
        (target / name).write_bytes(read_regular(base / name))
        (target / name).chmod(0o755 if status.st_mode & 0o111 else 0o644)


def digest_on(base: Path | None, digest: str) -> str:
    """Name what `digest` names together with the shared files; without any it stays the same."""
    if base is None:
        return digest
    return digest_of([(BASE, False, tree_digest(base).encode()), ("", False, digest.encode())])
