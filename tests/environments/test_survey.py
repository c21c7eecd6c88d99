"""A tree is read as it is, whatever it was made of, and gets back what was changed in it."""

import os
import resource
import socket
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from autoagent.environments.tampering import survey
from autoagent.environments.tampering.leftovers import Budget, TooMuch
from autoagent.environments.trees import remove_tree


def found(root: Path, **how: object) -> dict[str, str]:
    """What is there, by its path."""
    left = survey.read(root, Budget(), **how)  # pyright: ignore
    return {one.path: f"{one.kind} {one.text}".strip() for one in left}


def test_links_pipes_sockets_and_files_with_several_names_are_told_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("a/b/c", "a/d", "empty", "usr/x"):
        Path(place).mkdir(parents=True)
    Path("a/b/plain").touch()
    Path("a/b/c/one").touch()
    os.link("a/b/c/one", "a/d/two")
    Path("a/d/link").symlink_to("/etc")
    Path("usr/x/link").symlink_to("/etc")
    Path("bin").symlink_to("usr/bin")
    os.mkfifo("a/pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("a/socket")

    told = {
        "/a/b/c/one": "file",
        "/a/d/two": "file",
        "/a/d/link": "link /etc",
        "/a/pipe": "pipe",
        "/a/socket": "socket",
    }
    assert found(tmp_path, skip={"usr", "bin"}) == told
    assert "/usr/x/link" in found(tmp_path)


def test_a_tree_is_never_left_through_a_link_that_a_living_process_puts_into_it(
    tmp_path: Path,
) -> None:
    """In place, the candidate's processes live: a directory becomes a link and back."""
    (tmp_path / "host").mkdir()
    (tmp_path / "host/secret").symlink_to("x")
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "host")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            (root / "a").rename(root / "aside")
            (root / "link").rename(root / "a")
            (root / "a").rename(root / "link")
            (root / "aside").rename(root / "a")

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(500):
            try:
                assert not any(path.endswith("secret") for path in found(root))
            except TooMuch:
                continue
    finally:
        ended.set()
        swapping.join()


def test_a_directory_that_is_moved_while_it_is_looked_at_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "root/a/b/c/d").mkdir(parents=True)
    (tmp_path / "host").mkdir()

    class Moving(Budget):
        def keep(self, text: str) -> str:
            if text == "/a/b/c":
                (tmp_path / "root/a/b").rename(tmp_path / "host/b")
            return text

    with pytest.raises(TooMuch, match="moves its directories"):
        survey.read(tmp_path / "root", Moving())


def test_a_deep_tree_takes_no_more_descriptors_than_a_flat_one_and_is_refused_in_the_end(
    tmp_path: Path,
) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(survey.LEVELS_LIMIT + 1):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.symlink("/x", "link", dir_fd=here)
    os.close(here)
    descriptors = len([*Path("/proc/self/fd").iterdir()])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors + 8, hard))
    try:
        with pytest.raises(TooMuch, match="deeper"):
            survey.read(tmp_path, Budget())
        assert len(survey.read(tmp_path / "d/d", Budget())) == 1
        assert len([*Path("/proc/self/fd").iterdir()]) == descriptors
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        remove_tree(tmp_path / "d")


def test_directories_that_are_closed_to_their_owner_are_read_and_closed_again() -> None:
    """As an ordinary user, whose trials have its own files; root needs no permission."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        (root / "a/b").mkdir(parents=True)
        (root / "a/b/link").symlink_to("/tests")
        (root / "a/leaf").mkdir()
        (root / "a/leaf/link").symlink_to("/tests")
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                for one in (root, *root.rglob("*")):
                    os.chown(one, 65534, 65534, follow_symlinks=False)
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            for closed, mode in {"a/b": 0, "a/leaf": 0o311, "a": 0o100}.items():
                (root / closed).chmod(mode)
            told = found(root)
            (root / "a").chmod(0o700)
            modes = [stat.S_IMODE((root / name).stat().st_mode) for name in ("a/b", "a/leaf")]
            good = set(told) == {"/a/b/link", "/a/leaf/link"} and modes == [0, 0o311]
            (root / "a/b").chmod(0o700)
            (root / "a/leaf").chmod(0o700)
            os._exit(0 if good else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_more_entries_than_honest_work_leaves_are_not_read_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoagent.environments.tampering.leftovers.ENTRIES_LIMIT", 3000)
    for number in range(3001):
        (tmp_path / str(number)).symlink_to("x")
    with pytest.raises(TooMuch, match="more than 3000 files and directories"):
        survey.read(tmp_path, Budget())
