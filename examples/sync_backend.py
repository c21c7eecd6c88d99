"""Every task owns its tests: copy a workspace's `backend/` into its tasks. `--check` only compares.

    sync_backend.py [--check] [WORKSPACE ...]     by default, every workspace of this repository

Harbor mounts a task's own `tests/` and nothing else, so the verifiers' checks are real copies in
each task, edited in `backend/` alone; what the desks share is edited in the root's workspace. The
support tools are in `base/`, which the base image has. `backend/judge/` goes into the tests of
those tasks whose tone is judged: they have a `tests/tone/`.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
ROOT, QUICKSTART, APS = EXAMPLES.parent, EXAMPLES / "quickstart", EXAMPLES / "aps-phone-setup"
SHARED = {
    workspace / name: ROOT / name
    for workspace in (QUICKSTART, APS)
    for name in ("base/app/desk.py", "base/app/form.py", "backend/tests/check.py")
}
"""Files of a workspace that are copies themselves, and their originals."""
JUDGE = "judge"


def copies(workspace: Path) -> Iterator[tuple[Path, Path]]:
    """Each original, and each place in this workspace that has to have a copy of it."""
    shared = (
        {} if workspace == ROOT else {c: s for c, s in SHARED.items() if workspace in c.parents}
    )
    yield from ((source, copy) for copy, source in shared.items())
    files = {path for path in workspace.glob("backend/*/*") if path.is_file()}
    for task in sorted(workspace.glob("tasks/*/")):
        for file in sorted(files):
            folder = file.parent.name
            if folder != JUDGE or (task / "tests/tone").is_dir():
                place = task / ("tests" if folder == JUDGE else folder) / file.name
                yield shared.get(file, file), place


def stale_copies(workspace: Path) -> list[tuple[Path, Path]]:
    """Original and copy, wherever the copy is missing, or has another content or mode."""
    return [(source, copy) for source, copy in copies(workspace) if _state(source) != _state(copy)]


def _state(path: Path) -> tuple[bytes, int] | None:
    return (path.read_bytes(), path.stat().st_mode & 0o111) if path.is_file() else None


def main(arguments: list[str]) -> int:
    """Mend stale copies, or with `--check` name them and exit with 1."""
    only_check = "--check" in arguments
    named = [Path(argument).resolve() for argument in arguments if argument != "--check"]
    found = 0
    for workspace in named or (ROOT, QUICKSTART, APS):
        for source, copy in stale_copies(workspace):
            found += 1
            print("stale" if only_check else "copied", copy.relative_to(workspace.parent))
            if not only_check:
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)
    return 1 if found and only_check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
