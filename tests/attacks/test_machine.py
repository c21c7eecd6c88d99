"""The machine that trials run on: two locks on its settings, each tried without the other.

Nothing here writes a setting. What may be written is asked for, and that is all.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoagent.environments.sandbox import bubblewrap, outside
from autoagent.environments.sandbox.outside import Outside
from autoagent.errors import InfrastructureFault

from . import sweep

pytestmark = pytest.mark.slow

SETTING = "/proc/sys/kernel/core_pattern"
OPEN = ["--proc", "/proc"]
"""A /proc as bubblewrap makes it."""
USER = 64_103
OF_A_NAMESPACE = re.compile(
    r"/proc/(self|thread-self|\d+)/.*"  # its own processes
    r"|/proc/sys/fs/mqueue/.*|/proc/sys/kernel/(auto_msgmni|msg.*|sem.*|shm.*)"  # its own IPC
    r"|/proc/sys/kernel/(ns_last_pid|pid_max|cad_pid)|/proc/sys/net/.*|/proc/sys/user/.*"
    r"|/proc/pressure/.*"  # watched, not set
)
"""What a trial could write without the second lock: nothing in it is the machine's."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to lose here")


@pytest.fixture
def roots() -> Iterator[Outside]:
    """What sandboxes would be started in if trials were root's own."""
    yield Outside(uid=0)


@pytest.mark.attack("B5.3", ending="no effect")
@as_root
def test_without_a_read_only_proc_nothing_of_the_machines_is_a_trials_to_write() -> None:
    """Opens the machine's settings where only the first lock holds: it is nobody outside."""
    found = sweep.task(Outside(), OPEN)

    assert found["settings"] > 10
    assert int(found["user"][1]) == outside.nobody() != 0
    assert [path for path in found["writable"] if not OF_A_NAMESPACE.fullmatch(path)] == []
    assert found["writable"], "the second lock is off"


@pytest.mark.attack("B5.4", ending="no effect")
@as_root
def test_a_trial_that_is_the_machines_root_finds_every_setting_read_only(roots: Outside) -> None:
    """Opens the machine's settings where only the second lock holds: it is root outside."""
    unlocked = sweep.task(roots, OPEN)
    assert unlocked["user"] == ["0", "0", "1"]
    assert SETTING in unlocked["writable"], "without either lock it could"

    for found in (sweep.task(roots, bubblewrap.proc()), sweep.trial(roots)):
        assert (found["user"], found["writable"]) == (["0", "0", "1"], [])
        assert found["settings"] > 10


@pytest.mark.attack("B5.5", ending="no effect")
def test_an_ordinary_users_trials_can_write_nothing_below_proc(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Opens the machine's settings where the server runs as an ordinary user."""
    python, become, user = Path(sys.executable), dict[str, int | list[int]](), os.geteuid()
    if os.geteuid() == 0:
        python, user = request.getfixturevalue("shared_python"), USER
        become = {"user": USER, "group": USER, "extra_groups": []}
    script = tmp_path / "sweep.py"
    shutil.copyfile(sweep.__file__, script)
    with script.open() as text:
        done = subprocess.run(
            [python, "-"], stdin=text, cwd="/", env={"PATH": os.environ["PATH"]}, text=True,
            capture_output=True, check=False, **become,  # pyright: ignore
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for found in json.loads(done.stdout).values():
        assert (found["user"], found["writable"]) == (["0", str(user), "1"], [])


@pytest.mark.parametrize(
    ("without", "trials_are_nobody"),
    [
        pytest.param("-sys_admin", True, id="may not mount"),
        pytest.param("-sys_admin,-setuid,-setgid", False, id="may not be anybody else either"),
    ],
)
@as_root
def test_root_in_a_container_has_both_locks_or_the_second(
    without: str, trials_are_nobody: bool
) -> None:
    """An engine withholds capabilities from a container's root; what it says is what holds."""
    command = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}"]
    done = subprocess.run(
        [*command, sys.executable, sweep.__file__], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    user = str(outside.nobody() if trials_are_nobody else 0)
    for found in json.loads(done.stdout).values():
        assert (found["user"], found["writable"]) == (["0", user, "1"], [])


@as_root
def test_files_look_like_roots_inside_and_are_nobodys_outside(tmp_path: Path) -> None:
    place = tmp_path / "root"
    (place / "app").mkdir(parents=True)
    (place / "app/link").symlink_to("/tests")
    Outside.of(tmp_path).give(place)

    owners = {path.lstat().st_uid for path in (place, *place.rglob("*"))}
    assert owners == {outside.nobody()}
    sandbox = Outside.of(tmp_path)
    show = [*sandbox.starting(["--bind", sandbox.seen(place), "/", *bubblewrap.system_binds()])]
    said = subprocess.run([*show, "stat", "-c", "%U", "/app"], capture_output=True, text=True)
    assert said.stdout in ("0\n", "UNKNOWN\n"), said  # there is no /etc/passwd to name it
    said = subprocess.run([*show, "stat", "-c", "%u %g", "/app"], capture_output=True, text=True)
    assert said.stdout == "0 0\n"


@as_root
def test_where_neither_lock_can_be_had_a_climb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "inside"
    shutil.copytree(bubblewrap.INSIDE, inside)
    namespaces = inside / "namespaces.py"
    namespaces.write_text(namespaces.read_text().replace("_MS_RDONLY | ", ""))
    monkeypatch.setattr(bubblewrap, "INSIDE", inside)
    monkeypatch.setattr(outside, "nobody", lambda: 0)
    bubblewrap.probe.cache_clear()
    try:
        with pytest.raises(InfrastructureFault, match=f"{SETTING} of this machine could be wri"):
            bubblewrap.require()
    finally:
        bubblewrap.probe.cache_clear()


@pytest.mark.parametrize(
    ("extents", "subordinate", "expected"),
    [
        pytest.param([(0, 0, 2**32 - 1)], "", outside.NOBODY, id="the machine's own"),
        pytest.param([(0, 0, 2**32 - 1)], "root:100000:65536\n", 100_000, id="root's range"),
        pytest.param([(0, 0, 2**32 - 1)], "u:1:1\nx\nroot::1\n", outside.NOBODY, id="others'"),
        pytest.param([(0, 1000, 1), (1, 100000, 65535)], "", 58_982, id="rootless container"),
        pytest.param([(0, 1000, 1)], "", 0, id="one user only"),
    ],
)
@as_root
def test_who_a_trial_is_follows_from_what_users_there_are(
    extents: list[tuple[int, int, int]],
    subordinate: str,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "subuid").write_text(subordinate)
    monkeypatch.setattr(outside, "SUBORDINATE", tmp_path / "subuid")
    monkeypatch.setattr(outside.keeper, "extents", lambda: extents)
    assert outside.nobody() == expected
