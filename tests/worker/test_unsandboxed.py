"""`isolation = "process"`: a harness without a sandbox, what is kept from it and tidied up."""

import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autoagent.environments.sandbox import bubblewrap
from autoagent.errors import InfrastructureFault

from ..acting import acting

Bench = Any  # tests/conftest.py


def processes_with(word: str) -> list[str]:
    """Command lines that hold a word; processes that only wait to be collected have none."""
    found: list[str] = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if word in line and int(directory.name) != os.getpid():
            found.append(line)
    return found


@pytest.mark.slow
async def test_whatever_a_harness_does_ends_with_its_own_trial(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was started is gone, in new sessions too; and no key is in its variables."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    mark = f"1000.{secrets.randbits(32)}"
    source = acting("outlives_its_trial", MARK=mark)
    words = ["fine", "spins", "sleeps", "exits", "leaves_processes", "looks_for_a_key"]
    spec = bench.spec(source, {word: word for word in words}, isolation="process")
    trials = await bench.finish(spec)
    assert {name: (trial.outcome, trial.reward) for name, trial in trials.items()} == {
        "fine": ("passed", 1.0),
        "spins": ("timeout", 0.0),
        "sleeps": ("passed", 1.0),  # Harbor verifies what was done before the time ran out
        "exits": ("crashed", 0.0),
        "leaves_processes": ("passed", 1.0),
        "looks_for_a_key": ("passed", 1.0),
    }, bench.log()
    assert processes_with(mark) == []
    assert not (spec.directory / "scratch").exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cancel", "kill"])
async def test_a_worker_that_ends_early_leaves_no_process(bench: Bench, how: str) -> None:
    mark = f"1000.{secrets.randbits(32)}"
    source = acting("outlives_its_trial", MARK=mark)
    spec = bench.spec(
        source,
        {"spins": "spins", "sleeps": "sleeps"},
        isolation="process",
        trial_timeout_seconds=60.0,
    )
    bench.engine.start(spec)
    await bench.until(lambda: len(processes_with(mark)) >= 4)
    if how == "cancel":
        bench.engine.cancel("e1")
    else:
        os.kill(int((spec.directory / "worker.pid").read_text()), 9)
    await bench.until(lambda: not bench.engine.alive("e1"))
    await bench.until(lambda: processes_with(mark) == [])


# -- a machine that can make no sandbox ---------------------------------------------------

WITHOUT_NAMESPACES = """
import os, sys
from pathlib import Path
uid = os.getuid()
try:
    os.unshare(os.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
except OSError as error:
    print("SKIP", error)
    sys.exit()
from autoagent.errors import InfrastructureFault
from autoagent.referee.referee import Referee
root = Path(sys.argv[1])
referee = Referee.open(root)
try:
    referee.start_climb("night")
except InfrastructureFault as fault:
    print("REFUSED", fault.message)
print("PHASE", referee.position.phase)
referee.close()
(root / "autoagent.toml").write_text('isolation = "process"\\n')
referee = Referee.open(root)
try:
    referee.start_climb("night")
except InfrastructureFault as fault:
    print("UNSANDBOXED", fault.message)
referee.close()
"""


@pytest.mark.slow
def test_without_user_namespaces_a_climb_is_refused_and_sent_to_containers(
    make_workspace: Any,
) -> None:
    """A real refusal; and `isolation` alone is no way out where tasks run in the sandbox."""
    root = make_workspace({"easy": ("1", "1"), "hard": ("1", "2")}, config="# empty\n")
    command = [sys.executable, "-c", WITHOUT_NAMESPACES, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    if "SKIP" in said:
        pytest.skip(f"no user namespace can be made here to take them away: {said['SKIP']}")
    assert done.returncode == 0, done.stderr
    why = (
        "bubblewrap cannot make a sandbox on this machine: user namespaces: No space left on device"
    )
    assert said["REFUSED"].startswith(why)
    profile = f"profile autoagent {Path(sys.executable).resolve()} flags=(unconfined)"
    assert profile in said["REFUSED"], (
        "AppArmor is told of who makes namespaces, and of nobody else"
    )
    assert said["REFUSED"].endswith(
        'Or the human sets `environment = "docker"` and `isolation = "process"` in autoagent.toml: '
        "tasks then run in containers, and the harness UNSANDBOXED, at one's own risk."
    )
    assert said["PHASE"] == "new"
    assert said["UNSANDBOXED"] == (
        'isolation = "process" takes the harness out of its sandbox, which is allowed only where '
        'tasks run in containers or at a provider: set `environment = "docker"` below [benchmark] '
        "in autoagent.toml, or take `isolation` out of it."
    )


def test_the_probe_makes_the_namespaces_of_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only bubblewrap's own: a trial's first process must be able to make more."""
    bubblewrap.probe.cache_clear()
    assert bubblewrap.probe() is None, "this machine can make sandboxes"
    whole = bubblewrap.harness_sandbox

    def without_sys_admin(*arguments: Any) -> list[str]:
        return [word if word != "CAP_SYS_ADMIN" else "CAP_CHOWN" for word in whole(*arguments)]

    monkeypatch.setattr(bubblewrap, "harness_sandbox", without_sys_admin)
    bubblewrap.probe.cache_clear()
    try:
        with pytest.raises(InfrastructureFault, match="a trial's namespaces cannot be made"):
            bubblewrap.require()
    finally:
        bubblewrap.probe.cache_clear()
