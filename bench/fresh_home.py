"""What a verifier's fresh start costs a trial: the look at changes and the image's HOME put back.

Prints the median of the whole start, of the first one of a task in a worker, which reads its
verifier too, and of the same trial's copy of its root, in one run.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from autoagent.environments.sandbox.beneath import Beneath
from autoagent.environments.sandbox.images import Image, copy_tree
from autoagent.environments.sandbox.steps import Carried
from autoagent.environments.sandbox.verifying import looking
from autoagent.workspace.tasks.verifier import read_verifier

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
        task = Path(__file__).parents[1] / "tasks/credit-balance"
        starts, first, copies = list[float](), list[float](), list[float]()
        for number in range(ROUNDS):
            trial = place / f"trial-{number}"
            trial.mkdir()
            began = time.perf_counter()
            copy_tree(image.root, trial / "root")
            copies.append(time.perf_counter() - began)
            (trial / "began").touch()
            carried = Carried()
            carried.since = (trial / "began").stat().st_ctime_ns
            (trial / "root/root/.config/pip").mkdir(parents=True)
            (trial / "root/root/.config/pip/pip.conf").write_text("[global]\n")
            (trial / "root/root/.bash_history").write_text("ls\n")
            (trial / "root/app/answer.txt").write_text("!\n")
            if number % 2:
                read_verifier.cache_clear()
            began = time.perf_counter()
            root = Beneath(trial / "root")
            ground = looking.ground_of(image, "/app", task, as_left=False)
            looking.start(root, image, ground, carried)
            root.empty("/tmp/fresh")
            (first if number % 2 else starts).append(time.perf_counter() - began)
            shutil.rmtree(trial)
    start, reading, copy = (statistics.median(ms) * 1000 for ms in (starts, first, copies))
    print(
        f"a fresh start: {start:.2f} ms ({reading:.2f} ms where the verifier is read first); "
        f"the copy of the root: {copy:.2f} ms; {start / copy:.1f} x"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
