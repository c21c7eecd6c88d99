"""Files in and out of a container, and what its daemon tells of them."""

import contextlib
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from autoagent.environments.docker.container import Container, Volume
from autoagent.environments.docker.daemon import labels_for
from autoagent.environments.docker.images import builds
from autoagent.environments.docker.verifying.watching import Watch

pytestmark = [
    # The SDK drops the connection of an exec without closing it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]
LABELS = labels_for("state", "files")
ALONE = {"network_mode": "none"}


@pytest.fixture
def container(daemon: Any, rootfs: str) -> Iterator[Container]:
    made = Container(daemon.images.get(rootfs).id, LABELS, ALONE)
    made.start()
    yield made
    made.remove()


def sh(container: Container, script: str) -> str:
    done = container.run(["/bin/bash", "-c", script], {}, "/", "root", "marker")
    assert done.return_code == 0, done.output
    return done.output.decode()


class Held:
    """The daemon's client, which holds an archive back on its way in."""

    def __init__(self, client: Any) -> None:
        self._client, self.begun, self.go = client, threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_archive(self, *what: Any) -> bool:
        self.begun.set()
        assert self.go.wait(10)
        return self._client.put_archive(*what)


def test_files_go_in_owned_by_root_and_readable(container: Container, tmp_path: Path) -> None:
    (tmp_path / "in/below").mkdir(parents=True)
    for name, mode in {"a": 0o600, "below/b": 0o755}.items():
        (tmp_path / "in" / name).write_text(name)
        (tmp_path / "in" / name).chmod(mode)
    mask = os.umask(0o077)
    try:
        container.put_tree(tmp_path / "in", "/new/place")
        container.put_tree(tmp_path / "in", "/tests", 0o755)
        container.put_file(tmp_path / "in/a", "/deep/er/c")
    finally:
        os.umask(mask)

    said = sh(container, "stat -c '%n %a %U' /new/place /new/place/{a,below,below/b} /deep/er/c")
    assert said.splitlines() == [
        "/new/place 755 root",
        "/new/place/a 644 root",
        "/new/place/below 755 root",
        "/new/place/below/b 755 root",
        "/deep/er/c 644 root",
    ]
    assert sh(container, "stat -c %a /tests/a; cat /deep/er/c") == "755\na"


@pytest.mark.attack(
    "B2.7",
    ending="no effect",
    what="in a container: links files that are taken out to the kernel's",
)
def test_only_plain_files_come_out_and_none_from_beyond_the_container(
    container: Container, tmp_path: Path
) -> None:
    """What the candidate made is read with more rights than it has (threats B2, C1)."""
    sh(
        container,
        "mkdir /out /out/d; echo 1 >/out/d/plain; mkfifo /out/pipe; ln -s /etc/passwd /out/link; "
        "ln -s /proc /out/kernel; ln -s /etc/hostname /name; ln -s /proc/version /version",
    )
    container.get_tree("/out", tmp_path / "out")
    assert [path.name for path in sorted((tmp_path / "out").rglob("*"))] == ["d", "plain"]

    container.get_file("/name", tmp_path / "name")
    assert (tmp_path / "name").read_text().strip() in container.id
    for source, refusal in {
        "/version": (PermissionError, FileNotFoundError),
        "/none": (FileNotFoundError,),
        "/out/pipe": (ValueError,),
        "/out/d": (IsADirectoryError, ValueError),
    }.items():
        with pytest.raises(refusal):
            container.get_file(source, tmp_path / "file")
    with contextlib.suppress(PermissionError):  # or the daemon's archive of it is empty
        container.get_tree("/proc", tmp_path / "proc")
    assert not list(tmp_path.glob("proc/*/*"))


def test_a_file_goes_in_where_a_link_stood_and_not_through_it(
    container: Container, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text("new")
    sh(container, "echo old >/old; ln -s /old /link")
    container.put_file(tmp_path / "new", "/link")
    assert sh(container, "cat /old /link") == "old\nnew"


@pytest.mark.attack(
    "C3.9", ending="refused", what="in a container: a file is copied in when the phase has ended"
)
def test_nothing_goes_in_once_the_container_was_killed(
    container: Container, tmp_path: Path
) -> None:
    """It would not be looked at."""
    (tmp_path / "late").write_text("late")
    container.kill()
    with pytest.raises(RuntimeError, match="has ended"):
        container.put_file(tmp_path / "late", "/usr/bin/cat")


@pytest.mark.attack(
    "C3.10", ending="tampered", what="in a container: a file is on its way in when the phase ends"
)
def test_what_is_on_its_way_in_is_waited_for_and_looked_at(
    daemon: Any, container: Container, tmp_path: Path
) -> None:
    (tmp_path / "late").write_text("late")
    container.archives._client = held = Held(container.archives._client)
    with ThreadPoolExecutor(2) as pool:
        copying = pool.submit(container.put_file, tmp_path / "late", "/usr/bin/cat")
        assert held.begun.wait(10)
        killing = pool.submit(container.kill)
        while daemon.containers.get(container.id).status != "exited":
            assert not copying.done()
        assert wait([killing], 0.5).done == set()
        held.go.set()
        copying.result(10)
        killing.result(10)
    assert "/usr/bin/cat" in [change.path for change in container.changes()]


def test_a_container_that_is_offline_has_loopback_with_its_name_and_nothing_else(
    daemon: Any, rootfs: str
) -> None:
    meets_itself = (
        "import socket; s = socket.create_server(('localhost', 0)); "
        "socket.create_connection(s.getsockname()); print('met')"
    )
    made = Container(daemon.images.get(rootfs).id, LABELS, ALONE, offline=True)
    try:
        made.start()
        made.furnish("/logs/agent")
        assert sh(made, "stat -c %a /logs/agent") == "777\n"
        assert sh(made, f'python3 -c "{meets_itself}"; ls /sys/class/net') == "met\nlo\n"
        assert sh(made, "cat /proc/net/route").count("\n") == 1, "the heading alone"
    finally:
        made.remove()


def test_what_stands_where_a_file_goes_is_replaced_but_a_directory_receives_it(
    container: Container, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text("new")
    sh(container, "rm -f /etc/motd; mkdir -p /etc/motd/full/of/it")
    container.put_tree(tmp_path, "/etc")
    sh(container, "mkdir /etc/motd/new; ln -s /etc/motd /link")
    container.put_tree(tmp_path, "/etc/motd")
    container.put_file(tmp_path / "new", "/link")
    container.put_file(tmp_path / "new", "/etc/motd/full")
    assert sh(container, "cat /etc/new /etc/motd/new /etc/motd/full/new") == "newnewnew"


def test_what_a_path_is_takes_no_command_but_where_the_kernel_answers(container: Container) -> None:
    sh(
        container,
        "mkdir /d; touch /d/f; mkfifo /d/p; cd /d; ln -s f l; ln -s /d up; ln -s x none; "
        "ln -s loop loop; ln -s /proc/self kernel; mkdir /d/shut; touch /d/shut/f; chmod 0 /d/shut",
    )
    files = {path: container.is_file(path) for path in ("/d/f", "/d/l", "/d/up/up/f", "/d/shut/f")}
    assert files == dict.fromkeys(files, True)
    neither = [container.is_file(f"/d/{name}") for name in ("p", "up", "none", "no/such", "")]
    assert neither == [False] * 5
    directories = [container.is_directory(path) for path in ("/d", "/d/up", "/", "/d/shut/.")]
    assert directories == [True] * 4
    assert not container.is_directory("/d/f") and not container.is_directory("/d/none")
    for path in ("/d/kernel", "/proc", "/dev/../sys/x", "here"):
        assert container.is_directory(path) is None, path
    assert not container.is_file("/d/loop")


@pytest.mark.attack(
    "C5.2", ending="tampered", what="the meta-agent's shell mounts the verifier's tests elsewhere"
)
@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        ("", None),
        ("mount", "a foreign container mounted what the verifier relies on"),
        ("docker cp", "a foreign `docker cp` reached what the verifier relies on"),
    ],
)
def test_a_volume_is_filled_where_it_is_read_only_and_a_foreign_hand_in_it_is_seen(
    daemon: Any, rootfs: str, tmp_path: Path, foreign: str, said: str | None
) -> None:
    """Tests are read-only where they are run, and nobody else writes to them (threats C4, C5)."""
    (tmp_path / "test.sh").write_text("#!/bin/sh\necho ran\n")
    image = daemon.images.get(rootfs).id
    watch, volume = Watch("files"), Volume(LABELS)
    made = Container(image, LABELS, {**ALONE, "binds": [volume.at("/tests", "ro")]})
    try:
        volume.mounted_by.add(made.id)
        made.start()
        volume.open(image)
        volume.fill(tmp_path, "/sub")
        assert sh(made, "/tests/sub/test.sh; ! touch /tests/new 2>/dev/null") == "ran\n"
        if foreign == "docker cp":
            assert volume.stage is not None
            _, facts = daemon.api.get_archive(volume.stage.id, "/volume/sub")
            assert facts["name"] == "sub"
        elif foreign:
            binds = {volume.name: {"bind": "/x", "mode": "rw"}}
            daemon.containers.run(rootfs, "touch /x/planted", volumes=binds, remove=True)
        made.remove()
        found = watch.foreign(made, [volume])
    finally:
        made.remove()
        volume.remove()
    assert found == said


async def test_an_image_is_built_anew_when_its_task_or_its_base_is_another(
    daemon: Any, rootfs: str, tmp_path: Path
) -> None:
    base = daemon.images.get(rootfs)
    base.tag("autoagent-test-due")
    (tmp_path / "Dockerfile").write_text("FROM autoagent-test-due\nCOPY run /run.sh\n")
    (tmp_path / "run").write_text("echo")

    async def built() -> str:
        builds.forget()
        return (await builds.image_of(tmp_path, None, LABELS, 60)).id

    made = [await built()]
    try:
        assert await built() == made[0]
        (tmp_path / "run").chmod(0o755)
        made.append(await built())
        other = Container(base.id, LABELS, ALONE)
        daemon.containers.get(other.id).commit("autoagent-test-due")
        other.remove()
        made.append(await built())
        assert await built() == made[2]
        assert len({*made}) == 3
    finally:
        for image in (*made, "autoagent-test-due"):
            daemon.images.remove(image, force=True)
