"""The user's repository: read as data, given one branch, and never obeyed."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from autoagent.errors import WorkspaceError
from autoagent.workspace.git.store import Store
from autoagent.workspace.git.user_repo import UserRepo, changed
from autoagent.workspace.tasks.stat_cache import StatCache

BASELINE = {"agent.py": b"MODEL = 0\n", ".agent/note.md": b"note\n"}


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace at the top of a repository."""
    root = tmp_path / "ws"
    (root / ".agent").mkdir(parents=True)
    (root / "tasks/t1").mkdir(parents=True)
    for name, data in BASELINE.items():
        (root / name).write_bytes(data)
    (root / "program.md").write_text("one\ntwo\n")
    (root / "tasks/t1/data").write_bytes(b"a\0\r\n")
    (root / "link").symlink_to("program.md")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "start")
    return root


def opened(root: Path) -> tuple[UserRepo, Store]:
    repo = UserRepo.discover(root)
    state = root.parent / f"state-{root.name}"
    state.mkdir(exist_ok=True)
    return repo, Store(state / "store.git", prefix=repo.prefix, borrow=repo.objects)


def tracked(repo: UserRepo, store: Store) -> dict[str, tuple[int, str]]:
    return store.tree(repo.head() or "")


def differing(root: Path, *ignore: str) -> list[str]:
    repo, store = opened(root)
    return changed(root, tracked(repo, store), ignore, StatCache(root.parent / "cache.json"))


# -- nothing of it is executed ----------------------------------------------------------------

HOOKS = (
    *("applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-checkout", "post-commit"),
    *("post-index-change", "post-merge", "post-rewrite", "post-update", "pre-applypatch"),
    *("pre-auto-gc", "pre-commit", "pre-push", "pre-receive", "prepare-commit-msg", "update"),
    *("proc-receive", "push-to-checkout", "reference-transaction", "sendemail-validate"),
)


def arm(root: Path, home: Path, canary: Path) -> None:
    """Plant everything in a repository and a home that git would execute."""
    trap = f"sh -c 'echo $0 $* >> {canary}' trap"
    for hooks in (root / ".git/hooks", root / "myhooks"):
        hooks.mkdir(exist_ok=True)
        for name in HOOKS:
            (hooks / name).write_text(f"#!/bin/sh\necho hook {name} >> {canary}\n")
            (hooks / name).chmod(0o755)
    executing = f"""
[core]
	fsmonitor = "{trap} fsmonitor"
	hooksPath = {root}/myhooks
	sshCommand = "{trap} ssh"
	pager = "{trap} pager"
	editor = "{trap} editor"
	askPass = "{trap} askpass"
	alternateRefsCommand = "{trap} alternates"
	gitProxy = "{trap} proxy"
[filter "x"]
	clean = "{trap} clean"
	smudge = "{trap} smudge"
	process = "{trap} process"
	required = true
[diff]
	external = "{trap} diff"
[diff "x"]
	command = "{trap} diff-command"
	textconv = "{trap} textconv"
[merge "x"]
	driver = "{trap} merge"
[alias]
	ls-tree = "!{trap} ls-tree"
	cat-file = "!{trap} cat-file"
	st = "!{trap} st"
[credential]
	helper = "!{trap} credential"
[gpg]
	program = "{trap}"
[commit]
	gpgSign = true
[uploadpack]
	packObjectsHook = "{trap} pack"
[trace2]
	eventTarget = {canary}
[extensions]
	partialClone = evil
[remote "evil"]
	url = "ext::sh -c 'echo remote >> {canary}'"
	promisor = true
[protocol "ext"]
	allow = always
"""
    (root / ".git/evil.config").write_text(executing)
    with (root / ".git/config").open("a") as config:
        config.write(executing + "[include]\n\tpath = evil.config\n")
    (root / ".git/info").mkdir(exist_ok=True)
    (root / ".git/info/attributes").write_text("* filter=x diff=x merge=x\n")
    (root / ".gitattributes").write_text("* filter=x diff=x merge=x\n")
    (home / ".config/git").mkdir(parents=True)
    for path in (home / ".gitconfig", home / ".config/git/config"):
        path.write_text(executing)


def test_nothing_planted_in_the_repository_the_home_or_the_environment_is_executed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threat D4: every call is made, no trap goes off; the traps are shown to be live after."""
    canary, home = tmp_path / "canary", tmp_path / "home"
    head = git(root, "rev-parse", "HEAD").strip()
    arm(root, home, canary)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"):
        monkeypatch.delenv(name)
    (tmp_path / "bin").mkdir()
    for name in ("git-ls-tree", "git-cat-file", "git"):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\necho exec-path {name} >> {canary}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    hostile = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_DIR": str(root / ".git"),
        "GIT_COMMON_DIR": str(root / ".git"),
        "GIT_WORK_TREE": str(root),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "elsewhere"),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_EXEC_PATH": str(tmp_path / "bin"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": f"echo env >> {canary}",
        "GIT_EXTERNAL_DIFF": f"echo env >> {canary}",
        "GIT_SSH_COMMAND": f"echo env >> {canary}",
        "GIT_TRACE2_EVENT": str(canary),
        "GIT_AUTHOR_NAME": "Eve",
        "GIT_COMMITTER_DATE": "1 +0000",
    }
    with monkeypatch.context() as environment:
        for name, value in hostile.items():
            environment.setenv(name, value)
        environment.chdir(root)
        repo, store = opened(root)
        assert repo.head() == head
        files = tracked(repo, store)
        assert changed(root, files, (), StatCache(tmp_path / "cache.json")) == []
        baseline = store.commit(BASELINE, parent=head, message="baseline")
        candidate = store.commit({"agent.py": b"2"}, parent=baseline, message="candidate")
        assert store.files(candidate) == {"agent.py": b"2"}
        store.set_branch("night", candidate, None)
        assert not repo.branch_exists("night")
        assert repo.project_branch(store, "night", candidate) == []
        assert repo.branch_exists("night")
    assert not canary.exists()
    assert not (tmp_path / "elsewhere").exists()

    subprocess.run(
        ["git", "status"], cwd=root, capture_output=True, env={**os.environ, "HOME": str(home)}
    )
    assert canary.exists(), "the traps were never armed"


# -- finding it -------------------------------------------------------------------------------


def test_without_a_repository_the_command_to_make_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="run `git init && git add -A && git commit -m start`"):
        UserRepo.discover(tmp_path)


def test_a_workspace_may_be_below_the_top_of_its_repository(root: Path) -> None:
    inner = root / "tasks/t1"
    repo, store = opened(inner)
    assert (repo.prefix, list(tracked(repo, store))) == ("tasks/t1", ["data"])


def test_a_workspace_nobody_added_has_no_tracked_files(root: Path) -> None:
    (root / "new/ws").mkdir(parents=True)
    repo, store = opened(root / "new/ws")
    assert (repo.prefix, tracked(repo, store)) == ("new/ws", {})


def test_a_linked_worktree_has_its_own_head_and_the_common_branches(root: Path) -> None:
    git(root, "worktree", "add", "-q", "-b", "side", str(root.parent / "tree"))
    (root.parent / "tree/program.md").write_text("side\n")
    git(root.parent / "tree", "commit", "-q", "-am", "side")

    repo, store = opened(root.parent / "tree")

    assert repo.head() == git(root, "rev-parse", "side").strip()
    assert repo.head() != UserRepo.discover(root).head()
    commit = store.commit(BASELINE, parent=repo.head(), message="m")
    assert repo.project_branch(store, "night", commit) == []
    assert git(root, "rev-parse", "autoagent/night").strip() == commit


def test_a_submodule_is_a_repository_of_its_own(root: Path) -> None:
    allowed = ("-c", "protocol.file.allow=always")
    git(root, *allowed, "submodule", "add", "-q", str(root), "sub")
    assert UserRepo.discover(root / "sub").head() == git(root, "rev-parse", "HEAD").strip()
    git(root, "commit", "-q", "-m", "submodule")
    assert differing(root) == []


@pytest.mark.parametrize("content", ["", "gitdir: nowhere", "path: .git", "gitdir: \0"])
def test_a_broken_gitfile_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    with pytest.raises(WorkspaceError, match=r"\.git"):
        UserRepo.discover(tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[extensions]\n\tobjectFormat = sha256\n", "SHA-256"),
        ("[extensions]\n\trefStorage = reftable\n", "git refs migrate"),
    ],
)
def test_a_repository_of_a_kind_we_cannot_read_is_refused_by_name(
    root: Path, line: str, told: str
) -> None:
    with (root / ".git/config").open("a") as config:
        config.write(line)
    with pytest.raises(WorkspaceError, match=told):
        UserRepo.discover(root)


def test_head_is_read_in_every_form(root: Path) -> None:
    """Loose, packed, detached and unborn."""
    head = git(root, "rev-parse", "HEAD").strip()
    repo = UserRepo.discover(root)
    assert repo.head() == head
    git(root, "pack-refs", "--all")
    assert not (root / ".git/refs/heads/main").exists()
    assert repo.head() == head
    git(root, "checkout", "-q", "--detach")
    assert repo.head() == head
    git(root, "checkout", "-q", "--orphan", "unborn")
    assert repo.head() is None


@pytest.mark.parametrize("head", ["ref: ../../../etc/passwd", "ref: /etc/passwd", "nonsense"])
def test_a_head_that_leads_nowhere_is_told(root: Path, head: str) -> None:
    (root / ".git/HEAD").write_text(head)
    with pytest.raises(WorkspaceError, match="HEAD names no branch"):
        UserRepo.discover(root).head()


def test_a_repository_packed_into_deltas_is_read(root: Path) -> None:
    for n in range(5):
        (root / "program.md").write_text("line\n" * 500 + str(n))
        git(root, "commit", "-q", "-am", str(n))
    git(root, "gc", "-q", "--aggressive")
    assert differing(root) == []


def test_a_missing_object_is_told(root: Path) -> None:
    tree = git(root, "rev-parse", "HEAD^{tree}").strip()
    repo, store = opened(root)
    (root / ".git/objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(WorkspaceError, match=f"partial clone.*{tree}"):
        tracked(repo, store)


# -- what changed -----------------------------------------------------------------------------


def test_an_untouched_tree_has_no_changes(root: Path) -> None:
    assert differing(root) == []


def test_changed_and_missing_files_are_named(root: Path) -> None:
    (root / "program.md").write_text("other\n")
    (root / "tasks/t1/data").unlink()
    (root / "new-and-untracked").write_text("")
    assert differing(root) == ["program.md", "tasks/t1/data"]


def test_what_a_candidate_may_change_is_ignored(root: Path) -> None:
    """A name stands for the file, or for all below the directory, and for nothing else."""
    (root / "agent.py").write_text("x")
    (root / ".agent/note.md").unlink()
    assert differing(root, "agent.py", ".agent") == []
    assert differing(root, "agent", ".agen") == [".agent/note.md", "agent.py"]


def test_line_endings_alone_are_no_change(root: Path) -> None:
    """core.autocrlf rewrites them on checkout; binary files have none."""
    (root / "program.md").write_bytes(b"one\r\ntwo\r\n")
    assert differing(root) == []
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "crlf")
    (root / "program.md").write_bytes(b"one\ntwo\n")
    (root / "tasks/t1/data").write_bytes(b"a\0\n")
    assert differing(root) == ["tasks/t1/data"]


def test_links_are_compared_by_their_text(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("agent.py")
    (root / "program.md").rename(root / "real")
    (root / "program.md").symlink_to("real")
    assert differing(root) == ["link", "program.md"]


def test_a_directory_swapped_for_a_link_is_a_change(root: Path) -> None:
    (root / "tasks").rename(root.parent / "tasks")
    (root / "tasks").symlink_to("../tasks")
    assert differing(root) == ["tasks/t1/data"]


def test_a_pipe_in_the_place_of_a_file_is_a_change_and_blocks_nothing(root: Path) -> None:
    (root / "program.md").unlink()
    os.mkfifo(root / "program.md")
    assert differing(root) == ["program.md"]


def test_files_nobody_touched_are_not_read_again(root: Path) -> None:
    repo, store = opened(root)
    files = tracked(repo, store)
    for expected in (4, 0):
        cache = StatCache(root.parent / "cache.json", lambda: time.time_ns() + 2_000_000_000)
        assert changed(root, files, (), cache) == []
        assert cache.computed == expected


# -- the branch -------------------------------------------------------------------------------


def test_the_branch_merges_to_the_harness_and_notes_alone(root: Path) -> None:
    """A human merges in the morning, whatever they committed meanwhile."""
    repo, store = opened(root)
    baseline = store.commit(BASELINE, parent=repo.head(), message="baseline")
    kept = store.commit(
        {"agent.py": b"MODEL = 1\n", ".agent/skill.md": b"s\n"}, parent=baseline, message="better"
    )
    (root / "program.md").write_text("rewritten\n")
    git(root, "commit", "-q", "-am", "human")

    assert repo.project_branch(store, "night", kept) == []

    assert git(root, "fsck", "--strict", "--no-progress", "--no-dangling") == ""
    git(root, "merge", "-q", "--no-edit", "autoagent/night")
    assert git(root, "diff", "--stat", "--name-only", "HEAD^").split() == snapshot(
        [".agent/note.md", ".agent/skill.md", "agent.py"]
    )
    assert (root / "agent.py").read_text() == "MODEL = 1\n"
    assert (root / "program.md").read_text() == "rewritten\n"


def test_the_branch_survives_gc_in_the_users_repository(root: Path) -> None:
    repo, store = opened(root)
    commit = store.commit(BASELINE, parent=repo.head(), message="m")
    repo.project_branch(store, "night", commit)
    git(root, "gc", "-q", "--prune=now")
    assert repo.branch_exists("night")
    following = store.commit({"agent.py": b"2"}, parent=commit, message="m")
    assert repo.project_branch(store, "night", following) == []
    assert git(root, "show", "autoagent/night:agent.py") == "2"


def projected(root: Path) -> tuple[UserRepo, Store, str]:
    repo, store = opened(root)
    commit = store.commit(BASELINE, parent=repo.head(), message="m", at=1)
    assert repo.project_branch(store, "night", commit) == []
    return repo, store, commit


def test_projecting_again_changes_and_tells_nothing(root: Path) -> None:
    repo, store, commit = projected(root)
    assert repo.project_branch(store, "night", commit) == []


def test_a_branch_somebody_moved_is_put_back_and_told(root: Path) -> None:
    """Threat D3: amend, rebase, reset or force change nothing that counts."""
    repo, store, commit = projected(root)
    git(root, "branch", "-f", "autoagent/night", "main")
    notes = repo.project_branch(store, "night", commit)
    assert [note.replace(git(root, "rev-parse", "main")[:7], "M") for note in notes] == [
        f"Somebody had moved to M the branch `autoagent/night`; it is at {commit[:7]} again."
    ]
    assert git(root, "rev-parse", "autoagent/night").strip() == commit


def test_a_branch_somebody_deleted_is_put_back_and_told(root: Path) -> None:
    repo, store, commit = projected(root)
    git(root, "branch", "-D", "autoagent/night")
    git(root, "gc", "-q", "--prune=now")
    (note,) = repo.project_branch(store, "night", commit)
    assert note.startswith("Somebody had deleted the branch `autoagent/night`")
    assert git(root, "log", "-1", "--format=%s", "autoagent/night") == "m\n"


def test_a_running_git_is_not_interrupted(root: Path) -> None:
    """Its lock stays; the branch is shown at the next projection."""
    repo, store, commit = projected(root)
    following = store.commit({"agent.py": b"2"}, parent=commit, message="m", at=2)
    lock = root / ".git/refs/heads/autoagent/night.lock"
    lock.touch()
    (note,) = repo.project_branch(store, "night", following)
    assert "night.lock exists" in note
    assert lock.exists()


def test_what_a_killed_server_left_in_the_repository_goes_and_what_is_alive_or_gits_stays(
    root: Path,
) -> None:
    """A lock is ours only where it is the same file as one that a process which is gone wrote.

    One of them had the number that another process has now, and began when the machine did;
    another is dead, and whoever started it has not asked.
    """
    repo, store, commit = projected(root)
    gone, unasked = subprocess.Popen(["true"]), subprocess.Popen(["true"])
    gone.wait()
    os.waitid(os.P_PID, unasked.pid, os.WEXITED | os.WNOWAIT)
    objects, branches = root / ".git/objects", root / ".git/refs/heads/autoagent"
    alive = objects / f".{'a' * 38}.{os.getppid()}.0123456789ab.tmp"
    dead = objects / f".{'a' * 38}.{gone.pid}.0123456789ab.tmp"
    before = objects / f".{'a' * 38}.{os.getppid()}-1.0123456789ab.tmp"
    waiting = objects / f".{'a' * 38}.{unasked.pid}.0123456789ab.tmp"
    ours, gits = branches / "night.lock", branches / "other.lock"
    for name in ("night", "other"):
        (branches / f".{name}.{gone.pid}.0123456789ab.tmp").write_text(f"{commit}\n")
    ours.hardlink_to(branches / f".night.{gone.pid}.0123456789ab.tmp")
    for path in (alive, dead, before, waiting, gits):
        path.touch()

    repo.sweep()
    unasked.wait()

    left = [path.name for place in (objects, branches) for path in place.iterdir()]
    assert {name for name in left if name.endswith(("tmp", "lock"))} == {alive.name, gits.name}
    assert repo.project_branch(store, "night", commit) == []


@pytest.mark.parametrize("pack", [False, True])
def test_a_branch_named_autoagent_is_in_the_way_and_stays(root: Path, pack: bool) -> None:
    git(root, "branch", "autoagent")
    if pack:
        git(root, "pack-refs", "--all")
    repo, store = opened(root)
    commit = store.commit(BASELINE, parent=repo.head(), message="m")
    (note,) = repo.project_branch(store, "night", commit)
    assert "not shown" in note
    assert git(root, "branch", "--format=%(refname)").split() == [
        "refs/heads/autoagent",
        "refs/heads/main",
    ]


@pytest.mark.parametrize("planted", ["refs/heads/autoagent", "refs/heads", "objects/{}"])
def test_nothing_is_written_through_a_link_in_the_repository(root: Path, planted: str) -> None:
    """The meta-agent could point a directory of .git at the server's state."""
    repo, store = opened(root)
    commit = store.commit(BASELINE, parent=repo.head(), message="m")
    place = root / ".git" / planted.format(commit[:2])
    victim = root.parent / "victim"
    if place.exists():
        place.rename(victim)
    victim.mkdir(exist_ok=True)
    before = sorted(victim.rglob("*"))
    place.symlink_to(victim)
    (note,) = repo.project_branch(store, "night", commit)
    assert "is not shown" in note
    assert sorted(victim.rglob("*")) == before


def test_an_existing_branch_is_seen_in_every_form(root: Path) -> None:
    """The referee refuses a tag that is taken, even by a damaged ref."""
    repo = UserRepo.discover(root)
    git(root, "branch", "autoagent/loose")
    git(root, "branch", "autoagent/packed")
    git(root, "pack-refs", "--all")
    git(root, "branch", "-f", "autoagent/loose", "main")
    (root / ".git/refs/heads/autoagent").mkdir(exist_ok=True)
    (root / ".git/refs/heads/autoagent/broken").write_text("garbage")
    seen = {tag: repo.branch_exists(tag) for tag in ("loose", "packed", "broken", "free")}
    assert seen == {"loose": True, "packed": True, "broken": True, "free": False}
