"""What a verifier's fresh start costs a trial: the look at changes and the image's HOME put back.

Prints the median of the whole start, and of the same trial's copy of its root, in one run.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from autoagent.environments.sandbox import looking
from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.images import Image, copy_tree

ROUNDS = 200


def main() -> int:
    """Measure a trial's root with what a shell and pip leave at home."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        image = Image(place / "image/root", "/app", {})
        for name in ("root", "app", "tmp"):
            (image.root / name).mkdir(parents=True)
        (image.root / "root/.bashrc").write_text("PS1=x\n")
        (image.root / "app/question.txt").write_text("?\n")
        task = place / "task"
        (task / "tests").mkdir(parents=True)
        (task / "tests/test.sh").write_text("cmp /app/answer.txt /tests/expected.txt\n")
        starts, copies = list[float](), list[float]()
        for number in range(ROUNDS):
            trial = place / f"trial-{number}"
            trial.mkdir()
            began = time.perf_counter()
            copy_tree(image.root, trial / "root")
            copies.append(time.perf_counter() - began)
            (trial / "began").touch()
            since = (trial / "began").stat().st_ctime_ns
            (trial / "root/root/.config/pip").mkdir(parents=True)
            (trial / "root/root/.config/pip/pip.conf").write_text("[global]\n")
            (trial / "root/root/.bash_history").write_text("ls\n")
            (trial / "root/app/answer.txt").write_text("!\n")
            began = time.perf_counter()
            root = Beneath(trial / "root")
            ground = looking.ground_of(image, "/app", task, as_left=False)
            looking.start(root, Beneath(image.root), ground, since)
            root.empty("/tmp/fresh")
            starts.append(time.perf_counter() - began)
            shutil.rmtree(trial)
    start, copy = (statistics.median(times) * 1000 for times in (starts, copies))
    print(
        f"a fresh start: {start:.2f} ms; the copy of the root: {copy:.2f} ms; {start / copy:.1f} x"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
