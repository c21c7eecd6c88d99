"""Tier 1: the server has its own user; the meta-agent's user plays, and can only play."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from autoagent.commands.before.separate import Account, hand_over, token_digest
from autoagent.errors import WorkspaceError
from autoagent.workspace.git.user_repo import UserRepo
from autoagent.workspace.tier import Peer

from .conftest import PEER, SERVER, Ground, Server, started

PLAYER = Path(__file__).with_name("player.py")
REFUSED = {"EACCES", "EPERM"}


def everything(*places: Path) -> list[bytes]:
    """Every file below some places."""
    return [p.read_bytes() for place in places for p in place.rglob("*") if p.is_file()]


def tree(directory: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def played(ground: Ground, server: Server) -> dict[str, Any]:
    """A whole game of the other user's, cheats included."""
    done = ground.run_as(PEER, str(PLAYER), server.url, str(ground.token), str(ground.root),
                         str(ground.state), str(server.process.pid))  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_another_user_plays_a_whole_game_and_can_change_nothing_but_its_harness(
    ground: Ground,
) -> None:
    """State, tasks and journal are out of its reach, and the tier says so while that is true."""
    root = ground.root
    before = tree(root / "tasks")
    with started(ground.separated(), ground.environment) as server:
        token = ground.token.read_text().strip()
        told = played(ground, server)
        logs = server.stop()

    assert told["uid"] == PEER
    assert {name: how for name, how in told["attempts"].items() if how not in REFUSED} == {}
    assert tree(root / "tasks") == before

    links = told["links"]
    assert "cannot be edited" in links["edit"] and "cannot be edited" in links["create"]
    assert "cannot be read" in links["read"]
    assert "a link; plain files only" in links["commit"]
    assert "pipe is a special file" in links["commit"]

    tier = told["first"]["tier"]
    assert tier.startswith("tier 1 (separate user)")
    assert told["baseline"]["score"]["passed"] == 0
    assert (told["measured"]["score"]["passed"], told["kept"]["row"]["status"]) == (1, "keep")
    assert told["restored"] and told["note"] == "Answers resemble questions."
    assert told["finished"]["phase"] == "finished"
    assert tier in told["finished"]["message"]
    assert any("another user's" in note for note in told["last"]["notes"])

    exported = ground.run_as(SERVER, "-m", "autoagent", "export", "--workspace", str(root))
    (climb,) = json.loads(exported.stdout)["climbs"]
    assert climb["tier"] == tier
    assert json.loads(exported.stdout)["head"] == told["last"]["head"]
    assert (
        ground.run_as(SERVER, "-m", "autoagent", "verify", "--workspace", str(root)).returncode == 0
    )

    written = [*everything(ground.state_base, root), logs.encode(), json.dumps(told).encode()]
    assert len(token) > 40
    assert [data[:80] for data in written if token.encode() in data] == []
    assert ground.token.stat().st_mode & 0o777 == 0o600
    assert ground.token.stat().st_uid == PEER

    assert tier_told(ground) == tier
    program = root / "program.md"
    program.chmod(0o666)
    assert f"tier 0 (not separate: user user-{PEER} can change {program})" in tier_told(ground)


def test_a_repository_that_points_into_the_servers_files_is_not_written_to(ground: Ground) -> None:
    """Its owner's `commondir` could aim the server at its own state."""
    hand_over(
        ground.root, Account(0, 0, "server", ground.top), Account(PEER, PEER, "peer", ground.top)
    )
    target = ground.root / "tasks/t1"
    before = tree(target)
    (ground.root / ".git/commondir").write_text("../tasks/t1")

    found = UserRepo.discover(ground.root)

    assert found.common_dir == target
    (note,) = found.project_branch(None, "night", "0" * 40)  # pyright: ignore[reportArgumentType]
    assert "another user's" in note
    assert tree(target) == before


def test_what_somebody_holds_open_does_not_lead_into_the_handed_over_workspace(
    ground: Ground,
) -> None:
    test = ground.root / "tasks/t1/tests/test.sh"
    outside = ground.top / "outside"
    outside.write_text("somebody's")
    (ground.root / "tasks/link").symlink_to(outside)
    before = test.read_bytes()
    with test.open("ab") as held:
        hand_over(ground.root, *users(ground))
        held.write(b"echo 1 > /logs/verifier/reward.txt\n")

    assert test.read_bytes() == before
    assert (test.stat().st_uid, test.stat().st_mode & 0o777) == (SERVER, 0o755)
    assert outside.stat().st_uid == os.geteuid()
    assert (ground.root / ".git").stat().st_uid == PEER
    assert (ground.root / ".env").stat().st_mode & 0o777 == 0o600


def test_a_file_with_a_second_name_is_not_copied_for_its_owner(ground: Ground) -> None:
    """Root would read for the user what the user cannot."""
    secret = ground.top / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    (ground.root / ".agent").mkdir()
    os.link(secret, ground.root / ".agent/note.md")

    with pytest.raises(WorkspaceError, match="has other names"):
        hand_over(ground.root, *users(ground))

    assert (secret.stat().st_uid, secret.stat().st_mode & 0o777) == (0, 0o600)


def test_a_workspace_that_its_user_could_swap_is_refused(ground: Ground) -> None:
    """Who may write to the directory above can put another workspace there."""
    os.chown(ground.top, PEER, PEER)

    refused = subprocess.run(
        ground.separated(), env=ground.environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip

    assert refused.returncode == 1
    assert f"can change {ground.top}, so that the tier cannot be 1" in refused.stderr
    assert ground.root.stat().st_uid == PEER


def tier_told(ground: Ground) -> str:
    """What `autoagent doctor` of the server's user says."""
    done = ground.run_as(SERVER, "-m", "autoagent", "doctor", "--json",
                         "--workspace", str(ground.root))  # fmt: skip
    (told,) = [row["detail"] for row in json.loads(done.stdout)["checks"] if row["name"] == "tier"]
    return told


def test_the_token_is_written_by_the_user_and_kept_while_it_fits(ground: Ground) -> None:
    """Root writes nothing where the user could have put a link."""
    peer = users(ground)[1]
    target = ground.top / "target"
    target.write_text("root's")
    ground.token.symlink_to(target)
    (ground.token.parent / "out").symlink_to(ground.top)

    with pytest.raises(WorkspaceError, match="cannot write the token"):
        token_digest(peer, ground.token.parent / "out/token", None)
    first = token_digest(peer, ground.token, None)
    known = Peer(uid=PEER, gid=PEER, name="peer", token_sha256=first)

    assert target.read_text() == "root's"
    assert (ground.token.stat().st_uid, ground.token.stat().st_mode & 0o777) == (PEER, 0o600)
    assert token_digest(peer, ground.token, known) == first
    ground.token.write_text("another")
    assert token_digest(peer, ground.token, known) != first


def users(ground: Ground) -> tuple[Account, Account]:
    return (
        Account(SERVER, SERVER, "server", ground.top),
        Account(PEER, PEER, "peer", ground.top),
    )
