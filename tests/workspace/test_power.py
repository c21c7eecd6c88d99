"""A power cut while a workspace is opened for the first time leaves one that can be opened."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPENS = """
import os, sys
from pathlib import Path
sys.path.insert(0, "bench")
import tracing
from climbing import Board, Memory
from power import cuts_of
from torture import Ground
from autoagent.errors import AutoAgentError
from autoagent.workspace.layout import open_workspace

if why := tracing.can_trace():
    sys.exit(why)
ground, board = Ground(Path(sys.argv[1])), Board()
board.leave(Memory())
board.waits(True)


def opens():
    open_workspace(ground.root)
    os.fsync(os.open(ground.root, os.O_RDONLY))  # a cut is made before it


ground.recording(board)(opens, os.pipe()[1])
cuts = 0
for cut in cuts_of([*ground.recorded()], ground):
    ground.moments.restore(cut.moment)
    cuts += 1
    try:
        open_workspace(ground.root)
    except AutoAgentError as error:
        print(f"{cut.call}: {error}")
assert cuts > 10, cuts
"""


@pytest.mark.slow
def test_what_names_the_state_is_on_the_disk_only_after_the_state_is(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    if done.returncode == 1 and done.stderr.startswith("the numbers of system calls"):
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
