"""Candidates in the server's own repository: whole, durable, checked, and readable by git."""

import os
import resource
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoagent.errors import UnknownName, WorkspaceBusy, WorkspaceError
from autoagent.workspace.git.refs import branch_name
from autoagent.workspace.git.store import MOST_PACKS, Store

FILES = {"agent.py": b"MODEL = 1\n", ".agent/skills/diff.md": b"diff first\n"}


def git(directory: Path, *arguments: str, **variables: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, env=environment)
    return done.stdout.decode()


def loosened(store: Store) -> None:
    """Every object a file of its own, as the first stores had them."""
    packs = sorted((store.path / "objects/pack").glob("*.pack"))
    for pack in packs:
        apart = pack.rename(store.path / "apart")
        pack.with_suffix(".idx").unlink()
        with apart.open("rb") as data:
            command = ["git", "unpack-objects", "-q"]
            subprocess.run(command, cwd=store.path, stdin=data, check=True)
        apart.unlink()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.git")


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A repository with a workspace in a subdirectory, and names git finds odd."""
    return start(tmp_path)


def start(tmp_path: Path, **variables: str) -> Path:
    root = tmp_path / "user"
    (root / "ws/.agent").mkdir(parents=True)
    (root / "ws/agent.py").write_text("MODEL = 0\n")
    (root / "ws/agent.py").chmod(0o755)
    (root / "ws/.agent/old.md").write_text("old\n")
    (root / "ws/empty").write_text("")
    (root / "a:b\\c.txt").write_text("odd\n")
    (root / "ws-x").write_text("git sorts this before the directory ws\n")
    Path(os.fsdecode(os.fsencode(root) + b"/latin-\xe9.txt")).write_text("odd\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start", **variables)
    return root


def borrowing(user: Path) -> Store:
    return Store(user.parent / "store.git", prefix="ws", borrow=user / ".git/objects")


def beside(user: Path) -> dict[str, str]:
    return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(user / ".git/objects")}


_part = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12)
_notes = st.dictionaries(
    st.lists(
        _part.filter(lambda p: p not in (".", "..") and p.lower() != ".git"), min_size=1, max_size=3
    )
    .map("/".join)
    .map(".agent/{}".format),
    st.binary(max_size=200),
    max_size=5,
)


def _consistent(notes: dict[str, bytes]) -> bool:
    return not any(a != b and b.startswith(a + "/") for a in notes for b in notes)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(_notes.filter(_consistent), st.binary(max_size=500), st.text(max_size=80))
def test_a_candidate_comes_back_exactly(
    store: Store, notes: dict[str, bytes], harness: bytes, message: str
) -> None:
    """Any bytes, any names, any description."""
    files = {"agent.py": harness, **notes}
    assert store.files(store.commit(files, parent=None, message=message)) == files


def test_equal_candidates_are_the_equal_commit(store: Store) -> None:
    """Rule R8 rests on names that depend on nothing but the content."""
    first = store.commit(FILES, parent=None, message="m", at=1.0)
    assert store.commit(dict(reversed(FILES.items())), parent=None, message="m", at=1.9) == first
    assert store.commit(FILES, parent=None, message="n", at=1.0) != first


def test_the_commits_are_those_of_the_first_release(tmp_path: Path) -> None:
    """Whatever writes them: a name that was told, in a journal or a ledger, stays true."""
    dates = {f"GIT_{who}_DATE": "1700000000 +0000" for who in ("AUTHOR", "COMMITTER")}
    root = start(tmp_path, **dates)
    head = git(root, "rev-parse", "HEAD").strip()
    store, plain = borrowing(root), Store(tmp_path / "plain.git")
    odd = {**FILES, '.agent/a "quoted"\\\nname.md': b"\0\xff", ".agent/\u00e9.md": b""}
    first = store.commit(
        odd, parent=head, message="one\n\nauthor Eve <e@e> 0 +0000\n", at=1.7e9 + 1
    )
    assert [
        first,
        store.commit({"agent.py": b""}, parent=first, message="zwei\0\ud800", at=1.7e9 + 2.9),
        plain.commit(odd, parent=None, message="", at=3),
    ] == [
        "6263ea74af2da1db1935a4326826021d5741d14b",
        "b0b84227e30438d9c987f34a0f7301b5860ce4d5",
        "41f33c6c63ebdac86b883bf07465e98eeaa970fa",
    ]


def test_a_store_of_the_first_release_goes_on(user: Path) -> None:
    """It borrowed the user's objects for ever, and each of its own was a file."""
    head = git(user, "rev-parse", "HEAD").strip()
    store = borrowing(user)
    first = store.commit(FILES, parent=head, message="m")
    loosened(store)
    names = git(store.path, "rev-list", "--objects", "--no-object-names", head, **beside(user))
    for name in names.split():
        loose(store, name).unlink(missing_ok=True)
    (store.path / "refs/starts" / head).unlink()
    (store.path / "objects/info").mkdir(exist_ok=True)
    (store.path / "objects/info/alternates").write_text(f"{user}/.git/objects\n")

    again = borrowing(user)

    assert again.files(first) == FILES
    assert first in again.objects(first)
    second = again.commit({"agent.py": b"2"}, parent=first, message="m")
    assert again.files(second) == {"agent.py": b"2"}
    assert sorted(again.tree(head)) == [".agent/old.md", "agent.py", "empty"]


def test_git_finds_nothing_wrong_with_what_we_wrote(user: Path) -> None:
    store = borrowing(user)
    first = store.commit(FILES, parent=git(user, "rev-parse", "HEAD").strip(), message="one")
    store.commit({"agent.py": b""}, parent=first, message="zwei\0\ud800")
    assert git(store.path, "fsck", "--strict", "--no-progress", **beside(user)) == ""


def test_a_description_is_data(store: Store) -> None:
    """Nothing in it is read as a trailer, a header or a second author."""
    message = "subject\n\nauthor Eve <e@e> 0 +0000\nSigned-off-by: Eve\n# not a comment\n"
    commit = store.commit({"agent.py": b"x"}, parent=None, message=message, at=1_700_000_000)
    assert git(store.path, "cat-file", "commit", commit).split("\n\n", 1)[1] == message
    written = git(store.path, "log", "-1", "--format=%an <%ae> %at %cn %ct", commit)
    assert written == "AutoAgent <autoagent@localhost> 1700000000 AutoAgent 1700000000\n"


def test_a_commit_is_its_parents_tree_with_the_harness_and_notes_replaced(user: Path) -> None:
    """So the branch merges well; everything else stays what it was, to the byte."""
    store, head = borrowing(user), git(user, "rev-parse", "HEAD").strip()
    commit = store.commit(FILES, parent=head, message="m")
    changes = git(store.path, "diff-tree", "-r", "--raw", head, commit).splitlines()
    assert {line.split("\t")[1]: line.split(" ")[:2] for line in changes} == {
        "ws/.agent/skills/diff.md": [":000000", "100644"],
        "ws/.agent/old.md": [":100644", "000000"],
        "ws/agent.py": [":100755", "100755"],
    }
    assert git(store.path, "rev-parse", f"{commit}^").strip() == head


def test_files_are_the_candidates_and_not_the_users(user: Path) -> None:
    """`ws/empty` has the same blob as an empty note; it is still not part of the candidate."""
    store = borrowing(user)
    files = {"agent.py": b"x", ".agent/empty.md": b""}
    commit = store.commit(files, parent=git(user, "rev-parse", "HEAD").strip(), message="m")
    assert store.files(commit) == files


@pytest.mark.parametrize("packed", [False, True])
def test_a_candidate_outlives_the_users_repository(user: Path, packed: bool) -> None:
    """Our store holds everything we wrote, whatever happens to what it was built on."""
    if packed:
        git(user, "gc", "-q")
    store = borrowing(user)
    baseline = {"agent.py": b"MODEL = 0\n", ".agent/old.md": b"old\n"}
    first = store.commit(baseline, parent=git(user, "rev-parse", "HEAD").strip(), message="m")
    second = store.commit(FILES, parent=first, message="m")
    (user / ".git").rename(user / "gone")
    again = borrowing(user)
    assert (again.files(first), again.files(second)) == (baseline, FILES)
    third = again.commit({"agent.py": b"3"}, parent=second, message="m")
    assert [name for name in again.objects(third) if name in (first, second, third)] == [
        first,
        second,
        third,
    ]


def test_a_discarded_candidate_survives_gc(store: Store) -> None:
    """Rule R6: it stays reachable, on no branch, even if a human packs the store."""
    kept = store.commit(FILES, parent=None, message="kept")
    discarded = store.commit({"agent.py": b"2"}, parent=kept, message="discarded")
    store.set_branch("night", kept, None)
    git(store.path, "gc", "-q", "--prune=now")
    again = Store(store.path)
    assert again.files(discarded) == {"agent.py": b"2"}
    assert (again.branch("night"), {kept, discarded} < {*again.objects(discarded)}) == (kept, True)


@pytest.mark.parametrize("commit", ["HEAD", "0" * 40, "a" * 39, "--all", "refs/heads/x"])
def test_what_is_not_a_candidate_is_not_served(store: Store, commit: str) -> None:
    with pytest.raises(UnknownName, match="is not a candidate"):
        store.files(commit)


def test_a_commit_of_the_user_is_not_a_candidate(user: Path) -> None:
    with pytest.raises(UnknownName):
        borrowing(user).files(git(user, "rev-parse", "HEAD").strip())


@pytest.mark.parametrize(
    "path",
    [
        ".agent/../x",
        ".agent//x",
        "/agent.py",
        ".agent/.git/config",
        ".agent/.GIT/hooks/x",
        "README",
    ],
)
def test_a_path_outside_a_candidate_is_refused(store: Store, path: str) -> None:
    with pytest.raises(WorkspaceError):
        store.commit({"agent.py": b"", path: b""}, parent=None, message="m")
    assert git(store.path, "for-each-ref") == ""


@pytest.mark.parametrize("order", [1, -1])
def test_a_file_that_is_also_a_directory_is_refused(store: Store, order: int) -> None:
    clash = [(".agent/a", b""), (".agent/a/b", b"")][::order]
    with pytest.raises(WorkspaceError, match=r"\.agent/a"):
        store.commit(dict(clash), parent=None, message="m")


def test_a_missing_parent_is_told(store: Store) -> None:
    with pytest.raises(WorkspaceError, match=f"no object {'b' * 40}"):
        store.commit(FILES, parent="b" * 40, message="m")


# -- damage -----------------------------------------------------------------------------------


def loose(store: Store, sha: str) -> Path:
    return store.path / "objects" / sha[:2] / sha[2:]


@pytest.mark.parametrize("what", ["", "^{tree}", ":agent.py", ":.agent", ":.agent/skills/diff.md"])
def test_a_store_that_was_tampered_with_is_not_served(store: Store, what: str) -> None:
    """An object is checked against its name whenever it is read."""
    commit = store.commit(FILES, parent=None, message="m")
    other = store.commit({"agent.py": b"S", ".agent/skills/diff.md": b""}, parent=None, message="m")
    loosened(store)
    target = loose(store, git(store.path, "rev-parse", commit + what).strip())
    target.chmod(0o644)
    fake = loose(store, git(store.path, "rev-parse", other + what).strip())
    target.write_bytes(fake.read_bytes())
    with pytest.raises(WorkspaceError, match="tampered with"):
        Store(store.path).files(commit)


@pytest.mark.parametrize("damage", [b"", b"garbage", b"x\x9c"])
def test_an_object_left_half_written_by_a_crash_is_written_again(
    store: Store, damage: bytes
) -> None:
    commit = store.commit(FILES, parent=None, message="m", at=1)
    loosened(store)
    target = loose(store, git(store.path, "rev-parse", f"{commit}:agent.py").strip())
    target.chmod(0o644)
    target.write_bytes(damage)
    with pytest.raises(WorkspaceError):
        Store(store.path).files(commit)
    assert Store(store.path).commit(FILES, parent=None, message="m", at=1) == commit
    assert Store(store.path).files(commit) == FILES


def test_a_config_somebody_put_into_the_store_is_replaced(store: Store) -> None:
    (store.path / "config").write_text("[core]\n\tfsmonitor = touch /tmp/x\n[include]\npath = /x\n")
    Store(store.path)
    assert "fsmonitor" not in (store.path / "config").read_text()


def test_a_full_disk_loses_nothing_and_is_told(store: Store) -> None:
    before = store.commit(FILES, parent=None, message="m")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(WorkspaceError, match="was not stored .*nothing was lost"):
            store.commit({"agent.py": os.urandom(5000)}, parent=before, message="m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert git(store.path, "fsck", "--no-progress", "--no-dangling") == ""
    assert (store.files(before), store.sweep()) == (FILES, [])


# -- branches ---------------------------------------------------------------------------------


def test_a_branch_moves_only_from_where_it_is_expected(store: Store) -> None:
    """Compare-and-swap: two servers can never both move it."""
    one = store.commit({"agent.py": b"1"}, parent=None, message="m")
    two = store.commit({"agent.py": b"2"}, parent=one, message="m")
    assert not store.has_branch("night")
    store.set_branch("night", one, None)
    with pytest.raises(WorkspaceError, match="somebody else moved it"):
        store.set_branch("night", two, None)
    with pytest.raises(WorkspaceError, match="somebody else moved it"):
        store.set_branch("night", two, two)
    assert store.branch("night") == one
    store.set_branch("night", two, one)
    assert git(store.path, "rev-parse", "autoagent/night").strip() == two


def test_a_branch_never_points_at_what_is_not_there(store: Store) -> None:
    with pytest.raises(WorkspaceError, match="no object"):
        store.set_branch("night", "c" * 40, None)
    assert store.branch("night") is None


def test_a_lock_left_by_a_killed_process_waits_for_the_sweep(store: Store) -> None:
    """Only the holder of the workspace's lock may know that nobody is writing."""
    commit = store.commit(FILES, parent=None, message="m")
    lock = store.path / "refs/heads/autoagent/night.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    (store.path / "objects/pack/tmp_pack_x1y2").write_bytes(b"half")
    with pytest.raises(WorkspaceBusy, match=r"night\.lock exists"):
        store.set_branch("night", commit, None)
    assert store.sweep() == [store.path / "objects/pack/tmp_pack_x1y2", lock]
    store.set_branch("night", commit, None)
    assert store.sweep() == []


def test_a_git_that_was_killed_stops_no_commit_of_the_same(store: Store) -> None:
    """A pack is named by its content, and git refuses to write one whose lock was left."""
    before = store.commit(FILES, parent=None, message="m", at=1)
    (pack,) = (store.path / "objects/pack").glob("*.pack")
    for left in pack.parent.glob("pack-*"):
        left.chmod(0o600)
        left.unlink()
    pack.with_suffix(".keep").touch()
    assert store.sweep() == [pack.with_suffix(".keep")]
    assert store.commit(FILES, parent=None, message="m", at=1) == before


@pytest.mark.parametrize(
    "tag", ["", "-x", "A", "a..b", "a.lock", "a.", "a/b", "a b", "a" * 41, "ä", "a\n"]
)
def test_a_tag_git_would_not_take_is_refused(store: Store, tag: str) -> None:
    with pytest.raises(WorkspaceError, match=r"cannot name a climb"):
        store.branch(tag)


@settings(max_examples=30, deadline=None)
@given(st.text("abz019._-", min_size=1, max_size=41))
def test_a_tag_we_take_is_one_git_takes(tag: str) -> None:
    try:
        name = branch_name(tag)
    except WorkspaceError:
        return
    subprocess.run(["git", "check-ref-format", name], check=True)


def test_many_commits_are_few_packs_and_each_can_still_be_read(user: Path) -> None:
    """Git looks through every pack at each call, so a long night must not leave one for each."""
    store, head = borrowing(user), git(user, "rev-parse", "HEAD").strip()
    commits = [
        store.commit({"agent.py": b"%d" % number}, parent=head, message="m", at=number)
        for number in range(MOST_PACKS + 5)
    ]
    assert len(list(store.path.glob("objects/pack/*.pack"))) < MOST_PACKS // 2
    assert [store.files(commit)["agent.py"] for commit in commits] == [
        b"%d" % number for number in range(MOST_PACKS + 5)
    ]
