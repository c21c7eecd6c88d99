"""What a machine does to a night: its clocks, its disks, the place of its workspace, its git.

Each is a row of docs/night.md's table, which the last test holds.
"""

import errno
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.after.verify import EDITED, STALE, replayed
from autoagent.commands.during.renew import renew
from autoagent.errors import CandidateRefused, InfrastructureFault, WorkspaceError
from autoagent.evidence import clocks, events
from autoagent.evidence.journal import Journal
from autoagent.night.standing import look
from autoagent.records import Row
from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine
from autoagent.workspace import disks
from autoagent.workspace.birth import birth
from autoagent.workspace.git import projection

from ..conftest import git
from .clocks import HOUR, Machine
from .playing import ONE, TWO, edit, propose, settle, start, with_baseline

Open = Callable[..., Referee]


def hours(referee: Referee) -> float:
    referee.advance()
    left = referee.status().budget_left.hours
    assert left is not None
    return left


def of_eight_hours(root: Path, more: str = "") -> None:
    (root / "autoagent.toml").write_text(f"[budget]\nhours = 8\n{more}")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "hours")


# clocks -----------------------------------------------------------------------------


@pytest.mark.rule("R10")
def test_hours_in_which_the_machine_slept_or_was_off_are_no_hours_of_the_night(
    open_referee: Open, workspace: Path, machine: Machine
) -> None:
    """They are written down, so that a replay comes to the same; and the next climb has them."""
    of_eight_hours(workspace)
    machine.sleeps(1)  # before the night
    referee = open_referee(ScriptedEngine(ONE))
    start(referee)
    machine.works(1)
    assert hours(referee) == pytest.approx(7, abs=0.02)
    machine.sleeps(5)
    assert hours(referee) == pytest.approx(7, abs=0.02)
    assert "1.0 of 8 h played" in referee.status().clock
    machine.is_off(3)
    referee = open_referee(ScriptedEngine(ONE))
    assert hours(referee) == pytest.approx(7, abs=0.02)
    machine.works(2)
    assert hours(referee) == pytest.approx(5, abs=0.02)

    told = [e.event.seconds for e in referee._climb.journal.of_kind(events.MachineSlept)]
    assert [round(seconds / HOUR, 1) for seconds in told] == [5.0, 3.0]
    assert replayed(workspace).problems == ()


@pytest.mark.rule("R10")
def test_where_sleep_counts_the_night_goes_on_without_the_machine(
    open_referee: Open, workspace: Path, machine: Machine
) -> None:
    of_eight_hours(workspace, "sleep_counts = true\n")
    referee = open_referee(ScriptedEngine(ONE))
    start(referee)
    machine.sleeps(5)
    assert hours(referee) == pytest.approx(3, abs=0.02)


@pytest.mark.rule("R10")
def test_a_clock_that_is_set_is_no_hour_of_the_night_and_no_deadline(
    open_referee: Open, workspace: Path, machine: Machine
) -> None:
    """A day forward while an evaluation runs, and back again; for a worker and for who is anew."""
    of_eight_hours(workspace)
    engine = ScriptedEngine(ONE, hold=True)
    referee = open_referee(engine)
    start(referee)
    machine.works(1)
    referee.run_benchmark()
    worker = Journal(referee.workspace.journal)
    deadline = engine.started[-1].running.deadline
    left = deadline - worker.now()
    for days in (1, -1, -1, 2):
        machine.sets_its_clock(days)
        assert hours(referee) == pytest.approx(7, abs=0.02)
        for journal in (worker, Journal(referee.workspace.journal)):
            assert deadline - journal.now() == pytest.approx(left, abs=60)
        referee = open_referee(engine)
        assert hours(referee) == pytest.approx(7, abs=0.02)
        assert "1.0 of 8 h played" in referee.status().clock
        assert look(referee.workspace).words().endswith("7.0 h.")
    machine.works(1)
    assert hours(referee) == pytest.approx(6, abs=0.02)
    assert [entry.event.seconds for entry in worker.of_kind(events.MachineSlept)] == []
    engine.release()
    settle(referee)
    referee.append_result("baseline")
    referee.finish_climb()
    renew(workspace)
    git(workspace, "merge", "-q", "autoagent/night")
    start(referee, "second")
    assert referee.position.started_at == pytest.approx(machine.wall, abs=60)
    assert replayed(workspace).problems == ()


def test_the_kernel_says_how_long_it_is_up_and_awake() -> None:
    up = clocks.uptime()
    if up is None:
        pytest.skip("the kernel does not tell one start of the machine from another")
    assert len(up.boot) == 36 and 0 < up.awake <= up.elapsed + 0.001


# disks ------------------------------------------------------------------------------

FILLING = Path(__file__).with_name("filling.py")


def played_on(
    workspace: Path, tmp_path: Path, which: str, how: str
) -> tuple[Path, dict[str, tuple[list[str], str, str]]]:
    """A place of its own disk of 12 MB, in a mount namespace, and what each call said there."""
    place, made = tmp_path / which, tmp_path / "made"
    place.rename(made) if place.exists() else made.mkdir()
    place.mkdir()
    mount = f"mount -t tmpfs -o size=12m,mode=700 none {place} && cp -a {made}/. {place}"
    done = subprocess.run(
        ["unshare", "-m" if os.geteuid() == 0 else "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh",
         sys.executable, str(FILLING), str(workspace), str(place), how],
        capture_output=True, text=True, timeout=240,
        env={**os.environ, "AUTOAGENT_STATE_DIR": str(tmp_path / "state"),
             "TMPDIR": str(tmp_path / "tmp") if which == "tmp" else "/tmp"},
    )  # fmt: skip
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no mount namespace: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return place, json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["state", "workspace"])
def test_a_disk_that_fills_is_named_and_each_call_is_made_once_there_is_room(
    workspace: Path, tmp_path: Path, which: str
) -> None:
    """Full to the byte before each call."""
    place, found = played_on(workspace, tmp_path, which, "full")
    whose = {"state": "the server's state", "workspace": "the workspace"}[which]
    named = rf"{place}\S* \({whose}; [\d,]+ of [\d,]+ bytes are free\): the disk is full"
    for step, (met, _, _) in found.items():
        for said in {*met} - {"done"}:
            assert re.search(f"{named}. Free space there.*the same call again", said, re.DOTALL), (
                step, said)  # fmt: skip
    assert [again for *_, again in found.values()] == ["done"] * 7
    refused = {step for step, (met, *_) in found.items() if met[-1] != "done"}
    if which == "state":  # its log may have room for a small event
        assert {"start_climb", "commit_candidate"} <= refused and "edit_file" not in refused
    else:
        assert refused == {"edit_file"}
        assert re.search(f"files are not restored yet: {named}", found["discard"][1])


@pytest.mark.slow
@pytest.mark.parametrize("which", ["state", "workspace", "tmp"])
def test_a_read_only_mount_is_named_and_each_call_is_made_once_it_is_writable(
    workspace: Path, tmp_path: Path, which: str
) -> None:
    """For a server that was open by then, and for one that was opened after that."""
    place, found = played_on(workspace, tmp_path, which, "read-only")
    whose = {"state": "the server's state", "workspace": "the workspace"}.get(which, "temporary")
    named = rf"{place}\S* \({whose}[^)]*\): the disk is read-only. Make it writable"
    for step, (met, _, _) in found.items():
        for said in {*met} - {"done"}:
            assert re.search(f"{named}.*the same call again", said, re.DOTALL), (step, said)
    assert [again for *_, again in found.values()] == ["done"] * 7
    notes = " ".join(notes for _, notes, _ in found.values())
    assert "Errno" not in notes
    refused = {step for step, (met, *_) in found.items() if met[0] != "done"}
    if which == "state":
        assert refused == {*found}
    else:
        assert refused == ({"edit_file"} if which == "workspace" else set())
        assert which == "tmp" or re.search(f"not restored yet: {named}", found["discard"][1])


def test_what_met_a_disk_is_told_by_its_place(workspace: Path, tmp_path: Path) -> None:
    """Also where a program said it, or where no name came with it; and nothing else is."""
    with closing(Referee.open(workspace, ScriptedEngine(ONE))) as referee:
        opened = referee.workspace
    try:
        raise WorkspaceError("`git fast-import` failed: No space left on device.")
    except WorkspaceError as error:
        assert "the disk is full" in disks.trouble(opened, error)
    read_only = OSError(errno.EROFS, "Read-only file system", "/place/file")
    assert disks.trouble(opened, read_only).startswith("/place/file: the disk is read-only.")
    with pytest.raises(InfrastructureFault, match="the disk is failing"), disks.told(opened):
        raise OSError(errno.EIO, "Input/output error")
    with pytest.raises(OSError, match="denied"), disks.told(opened):
        raise PermissionError(errno.EACCES, "denied")


@pytest.mark.rule("R9")
def test_a_worker_that_died_of_a_full_disk_is_started_again_once_there_is_room(
    open_referee: Open, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else four starts in a second made the evaluation indecisive."""
    engine = ScriptedEngine(ONE)
    referee = open_referee(engine)
    start(referee)
    engine.stillborn = True
    evaluation, before = referee.run_benchmark(), len(engine.started)
    with monkeypatch.context() as full:
        facts = os.statvfs(workspace)

        def no_room(_: object) -> os.statvfs_result:
            return os.statvfs_result((*facts[:3], 0, 0, *facts[5:]))

        full.setattr(os, "statvfs", no_room)
        for _ in range(8):
            assert referee.advance().running is not None
        assert len(engine.started) == before
        (note,) = (note for note in referee.status().notes if "no worker is started" in note)
        assert f"{referee.workspace.state} (the server's state" in note and "full" in note
    engine.stillborn = False
    settle(referee)
    assert referee.append_result("baseline").status == "keep"
    assert evaluation == "e3"


def test_a_directory_of_temporary_files_that_is_gone_is_named(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Referee.open(workspace, ScriptedEngine(ONE))) as referee:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
        gone = pytest.raises(InfrastructureFault, match="temporary files, .*gone, is not there")
        with gone, disks.told(referee.workspace):
            (tmp_path / "gone/file").write_text("x")


@pytest.mark.rule("R6")
def test_a_discard_that_could_not_be_undone_is_before_the_next_commit_is_accepted(
    open_referee: Open, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status says it, an edit over it is refused and moved aside, and then play goes on."""
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    original = (workspace / "agent.py").read_text()

    def full(self: object, content: object, event: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(projection.Projection, "_restore", full)
        assert propose(referee, workspace).status == "discard"
        assert "not restored yet" in " ".join(referee.status().notes)
        edit(workspace, "Y = 2")
        with pytest.raises(InfrastructureFault, match="not undone yet"):
            referee.commit_candidate("over it")
    with pytest.raises(CandidateRefused, match="they are the incumbent's now"):
        referee.commit_candidate("over it")
    assert (workspace / "agent.py").read_text() == original
    aside = [path.read_text() for path in (referee.workspace.state / "aside").rglob("agent.py")]
    assert any("Y = 2" in text for text in aside)
    edit(workspace, "Z = 3")
    assert referee.commit_candidate("anew").candidate is not None


# the workspace's place and its git ----------------------------------------------------


def test_a_workspace_that_was_moved_has_its_night_and_its_trials(
    workspace: Path, tmp_path: Path
) -> None:
    """Renamed, and its `.autoagent/` lost on top: it is the same directory."""
    with closing(Referee.open(workspace, ScriptedEngine(TWO))) as referee:
        with_baseline(referee)
        state = referee.workspace.state
    if birth(workspace) is None:
        pytest.skip("the file system does not tell when a directory was made")
    moved = workspace.rename(tmp_path / "elsewhere")
    with closing(Referee.open(moved, ScriptedEngine(TWO))) as referee:
        assert (referee.workspace.state, referee.position.rows) == (state, 1)
        assert propose(referee, moved).status == "discard"
    again = moved.rename(tmp_path / "once-more")
    shutil.rmtree(again / ".autoagent")
    with closing(Referee.open(again, ScriptedEngine(TWO))) as referee:
        assert (referee.workspace.state, referee.position.rows) == (state, 2)


def test_a_workspace_from_another_disk_says_what_is_typed_to_have_its_night(
    workspace: Path, tmp_path: Path
) -> None:
    with closing(Referee.open(workspace, ScriptedEngine(TWO))) as referee:
        with_baseline(referee)
    there = tmp_path / "there"
    shutil.copytree(workspace, there, symlinks=True)
    shutil.rmtree(workspace)
    with pytest.raises(WorkspaceError, match="moved here from another file system") as refused:
        Referee.open(there, ScriptedEngine(TWO))
    command = str(refused.value).split("`")[1]
    subprocess.run(["sh", "-c", command], cwd=there, check=True)
    with closing(Referee.open(there, ScriptedEngine(TWO))) as referee:
        assert referee.position.rows == 1


@pytest.mark.rule("R6")
def test_every_candidate_of_the_ledger_is_in_the_users_repository(
    open_referee: Open, workspace: Path
) -> None:
    """Discarded and reverted ones too, under no branch; what they deleted is made anew."""
    referee = open_referee(ScriptedEngine(TWO, ONE, ONE))
    with_baseline(referee)
    rows: list[Row] = [propose(referee, workspace, f"X = {n}", f"idea {n}") for n in (1, 2)]
    edit(workspace, "R = 1")
    reverted = referee.commit_candidate("reverted").candidate
    assert reverted is not None
    referee.revert()

    assert [row.status for row in rows] == ["discard", "discard"]
    for commit, line in ((rows[0].commit, "X = 1"), (rows[1].commit, "X = 2"),
                         (reverted.id, "R = 1")):  # fmt: skip
        assert f"+{line}" in git(workspace, "show", commit)
    assert git(workspace, "branch", "--list", "--format=%(refname:short)").split() == [
        "autoagent/night", git(workspace, "branch", "--show-current").strip()]  # fmt: skip
    git(workspace, "fsck", "--strict")
    git(workspace, "gc", "-q", "--prune=now")
    assert "+X = 1" in git(workspace, "show", rows[0].commit)
    git(workspace, "update-ref", "-d", f"refs/autoagent/night/{reverted.id}")
    open_referee(ScriptedEngine(TWO))
    assert "+R = 1" in git(workspace, "show", reverted.id)


def test_a_start_that_was_amended_and_collected_is_climbed_on(
    open_referee: Open, workspace: Path
) -> None:
    referee = open_referee(ScriptedEngine(ONE, TWO))
    referee.start_climb("night")
    git(workspace, "commit", "-q", "--amend", "-m", "amended")
    git(workspace, "reflog", "expire", "--expire=now", "--all")
    git(workspace, "gc", "-q", "--prune=now")
    with_baseline(referee)
    assert propose(referee, workspace).status == "keep"
    git(workspace, "fsck", "--strict")


@pytest.mark.parametrize("how", ["sparse", "skip", "assume"])
def test_what_git_is_told_to_pass_over_is_not_dirty(workspace: Path, how: str) -> None:
    """A sparse checkout, and files that the human marked; a harness is looked at all the same."""
    root = workspace
    (root / "big").mkdir()
    (root / "big/data.txt").write_text("much\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "big")
    if how == "sparse":
        git(root, "sparse-checkout", "set", "--no-cone", "/*", "!/big")
        assert not (root / "big/data.txt").exists()
    else:
        mark = {"skip": "--skip-worktree", "assume": "--assume-unchanged"}[how]
        git(root, "update-index", mark, "big/data.txt", "agent.py")
        (root / "big/data.txt").write_text("of mine\n")
    assert git(root, "status", "--porcelain") == ""
    referee = Referee.open(root, ScriptedEngine(ONE, TWO))
    with closing(referee):
        if how == "skip":
            (root / "agent.py").write_text((root / "agent.py").read_text() + "# x\n")
            with pytest.raises(WorkspaceError, match="dirty: agent.py differ"):
                referee.start_climb("night")
            git(root, "update-index", "--no-skip-worktree", "agent.py")
            git(root, "checkout", "-q", "agent.py")
        with_baseline(referee)
        assert propose(referee, root).status == "keep"


def test_a_sha256_repository_is_refused_in_words(workspace: Path) -> None:
    shutil.rmtree(workspace / ".git")
    git(workspace, "init", "-q", "--object-format=sha256")
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", "start")
    refused = pytest.raises(WorkspaceError, match="SHA-256 repository.*--object-format=sha1")
    with closing(Referee.open(workspace, ScriptedEngine(ONE))) as referee, refused:
        referee.start_climb("night")


# verify -----------------------------------------------------------------------------


def test_verify_takes_a_stale_ledger_for_what_it_is(open_referee: Open, workspace: Path) -> None:
    """A projection that is behind is no problem of the climb; one that says otherwise is told."""
    ledger = workspace / "results.tsv"
    referee = open_referee(ScriptedEngine(TWO, ONE))
    with_baseline(referee)
    behind = ledger.read_bytes()
    propose(referee, workspace)
    referee.close()
    assert (replayed(workspace).problems, replayed(workspace).flags) == ((), ())
    for text in (behind, behind.splitlines(keepends=True)[0], b""):
        ledger.write_bytes(text)
        assert (replayed(workspace).problems, replayed(workspace).flags) == ((), (STALE,))
    ledger.write_bytes(b"\xff\x00 not a ledger")
    assert replayed(workspace).problems == (EDITED,)
    ledger.unlink()
    os.mkfifo(ledger)
    assert replayed(workspace).problems == (EDITED,)


def damages() -> dict[str, Callable[[Any], None]]:
    return {
        "no such event": lambda db: db.execute("UPDATE events SET kind = 'x' WHERE seq = 3"),
        "a body of null": lambda db: db.execute("UPDATE events SET body = 'null' WHERE seq = 4"),
        "a position of nothing": lambda db: db.execute("UPDATE position SET body = '[]'"),
        "no table": lambda db: db.execute("DROP TABLE events"),
        "no position": lambda db: db.execute("DROP TABLE position"),
        "text that is none": lambda db: db.execute(
            "UPDATE events SET body = CAST(x'ff' AS TEXT) WHERE seq = 2"
        ),
    }


@pytest.mark.parametrize("how", [*damages(), "cut short", "noise", "a directory"])
def test_verify_never_raises(open_referee: Open, workspace: Path, how: str) -> None:
    referee = open_referee(ScriptedEngine(TWO))
    with_baseline(referee)
    path = referee.workspace.journal
    referee.close()
    if how in damages():
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for trigger in ("events_are_final", "events_stay"):
                db.execute(f"DROP TRIGGER {trigger}")
            damages()[how](db)
    elif how == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    elif how == "noise":
        path.write_bytes(os.urandom(path.stat().st_size))
    else:
        path.unlink()
        path.mkdir()
    assert replayed(workspace).problems != ()


def test_the_documentation_names_a_test_for_each_fault_and_every_test_of_these() -> None:
    tests = Path(__file__).parents[1]
    text = (tests.parent / "docs/night.md").read_text("utf-8")
    rows = re.findall(r"^\| .* \| .* \| `tests/(.*)`: `(\w+)` \|$", text, re.MULTILINE)
    for file, name in rows:
        assert f"def {name}(" in (tests / file).read_text("utf-8"), name
    own = re.findall(r"^def (test_\w+)\(", Path(__file__).read_text("utf-8"), re.MULTILINE)
    unlisted = {"test_the_kernel_says_how_long_it_is_up_and_awake", own[-1]}
    assert {*own} - unlisted == {name for file, name in rows if file == "referee/test_machine.py"}
    assert len(rows) >= 24
