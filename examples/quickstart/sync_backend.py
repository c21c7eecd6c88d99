"""Every task owns its files: copy `backend/` into each task. `--check` only compares.

Harbor tasks are self-contained, so the support tool and the verifier's checks are real
copies. They are edited in `backend/` alone.
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BACKEND = HERE / "backend"


def stale_copies() -> list[tuple[Path, Path]]:
    """Source and copy, wherever a task's copy is missing or differs from `backend/`."""
    pairs = [
        (source, task / source.relative_to(BACKEND))
        for task in sorted(HERE.glob("tasks/*"))
        for source in sorted(BACKEND.glob("*/*"))
        if source.is_file()
    ]
    return [
        (source, copy)
        for source, copy in pairs
        if not copy.is_file() or copy.read_bytes() != source.read_bytes()
    ]


def main() -> int:
    """Mend stale copies, or with `--check` name them and exit with 1."""
    only_check = sys.argv[1:] == ["--check"]
    stale = stale_copies()
    for source, copy in stale:
        print("stale" if only_check else "copied", copy.relative_to(HERE))
        if not only_check:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
    return 1 if stale and only_check else 0


if __name__ == "__main__":
    sys.exit(main())
