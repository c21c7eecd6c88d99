"""`autoagent run`: one real evaluation, outside any climb."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeWorkspace = Callable[..., Path]
TASKS = {"right": ("42", "42"), "wrong": ("42", "43")}


@pytest.mark.slow
def test_a_run_shows_every_trial_and_leaves_the_climbs_journal_alone(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    root = make_workspace(TASKS)
    with (root / "tasks/wrong/tests/test.sh").open("a") as verifier:
        verifier.write("echo FAIL it is 43\necho ok that is all\n")

    code, printed = autoagent("run", "--workspace", root)

    assert code == 0
    assert re.search(r"right +passed +1\.00 +\d+\.\d", printed)
    assert re.search(r"wrong +failed +0\.00 +\d+\.\d +verifier: FAIL it is 43", printed)
    assert "1/2 passed" in printed
    assert list((root / ".autoagent/jobs").iterdir()), "a Harbor job is there to look at"
    assert f"harbor view {root / '.autoagent/jobs'}" in printed
    assert list((root.parent / "state").glob("*/journal.sqlite3")) == []
    assert not (root / "results.tsv").exists()


@pytest.mark.slow
def test_a_run_of_named_tasks_runs_no_other(autoagent: Any, make_workspace: MakeWorkspace) -> None:
    code, printed = autoagent("run", "--workspace", make_workspace(TASKS), "--tasks", "wrong")

    assert code == 0
    assert "0/1 passed" in printed
    assert "right" not in printed


def test_a_task_that_is_not_there_is_refused_with_those_that_are(
    autoagent: Any, workspace: Path
) -> None:
    code, printed = autoagent("run", "--workspace", workspace, "--tasks", "t1,t9")

    assert code == 2
    assert "'t9'" in printed
    assert "t1, t2, t3, t4" in printed


def test_a_harness_that_breaks_its_own_rules_is_not_run(
    autoagent: Any, make_workspace: MakeWorkspace
) -> None:
    code, printed = autoagent("run", "--workspace", make_workspace(harness="x = 1\n"))

    assert code == 2
    assert len(printed.splitlines()) == 1
    assert "boundary" in printed


@pytest.mark.slow
def test_an_interrupt_cancels_the_worker_and_says_so(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    """The interrupt comes in the middle of a trial: its harness waits in its task's directory."""
    root = make_workspace({"t1": ("1", "1")})
    harness = (root / "agent.py").read_text()
    waits = harness.replace("cp /app/question.txt /app/answer.txt", "touch running; sleep 600")
    (root / "agent.py").write_text(waits)
    state = tmp_path / "state"
    arguments = [sys.executable, "-m", "autoagent", "run", "--workspace", str(root)]
    heard = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL);"
    heard += "os.execv(sys.argv[1], sys.argv[1:])"  # a background job starts deaf to it
    command = [sys.executable, "-c", heard, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        while not [*state.glob("*/runs/1/evaluations/run1/scratch/trial-*/root/app/running")]:
            assert running.poll() is None
            time.sleep(0.02)  # another process's: there is no event to wait for
        running.send_signal(signal.SIGINT)
        stdout, stderr = running.communicate(timeout=60)

    assert running.returncode == 130, stderr
    assert b"cancelled" in stdout
    assert stderr == b""
    (pid,) = state.glob("*/runs/1/evaluations/run1/worker.pid")
    assert not Path("/proc", pid.read_text()).exists()
