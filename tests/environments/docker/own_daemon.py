"""A Docker daemon of a test's own, which it may stop: never the machine's."""

import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import docker

PROGRAMS = (
    "bash", "cat", "chmod", "cp", "date", "env", "find", "grep", "ls", "mkdir", "mktemp", "rm",
    "sh", "sleep", "stat", "tar", "test", "touch", "tr", "true",
)  # fmt: skip
START_SECONDS = 30.0


class OwnDaemon:
    """One with its own data, socket and namespaces; without networks but `none`.

    A daemon without a bridge removes the machine's `docker0`, and what it mounts outlives it: so it
    sees no interface of the machine's, and nobody else its mounts. Its containers come from an
    image of a dozen of this machine's programs, `autoagent-base`.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        place.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = place / "docker.sock"
        self.host = f"unix://{self.socket}"

    @staticmethod
    def why_not() -> str:
        """Why there can be none; "" where there can."""
        if os.geteuid() != 0:
            return "only root can start a daemon"
        missing = [
            name for name in ("dockerd", "docker", "ldd", "unshare") if shutil.which(name) is None
        ]
        return f"{', '.join(missing)} is not installed" if missing else ""

    def start(self) -> None:
        """Start it, also again, and wait until it answers."""
        place = self._place
        command: list[str | Path] = ["unshare", "--net", "--mount", "dockerd"]
        command += ["--data-root", place / "data", "--exec-root", place / "run"]
        command += ["--pidfile", place / "pid", "--host", self.host, "--bridge=none"]
        command += ["--iptables=false", "--ip6tables=false"]
        with (place / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError((place / "log").read_text()[-2000:])
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, as `systemctl stop docker` does; its containers end with it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def client(self) -> Any:
        """The SDK's, of this daemon."""
        return docker.DockerClient(base_url=self.host)

    def make_base(self) -> None:
        """Give it `autoagent-base`."""
        archive = self._place / "base.tar"
        with tarfile.open(archive, "w") as tar:
            for name in PROGRAMS:
                program = shutil.which(name)
                assert program is not None, name
                for file in {program, *_libraries(program)}:
                    arcname = f"bin/{name}" if file == program else file.lstrip("/")
                    if arcname not in tar.getnames():
                        tar.add(Path(file).resolve(), arcname)
            for name in ("tmp", "root", "etc", "app"):
                directory = tarfile.TarInfo(name)
                directory.type, directory.mode = tarfile.DIRTYPE, 0o777
                tar.addfile(directory)
        self.docker("import", str(archive), "autoagent-base")

    def docker(self, *arguments: str) -> None:
        """The command, spoken to this daemon."""
        subprocess.run(["docker", "-H", self.host, *arguments], check=True, capture_output=True)

    def _answers(self) -> bool:
        command = ["docker", "-H", self.host, "version"]
        return subprocess.run(command, capture_output=True).returncode == 0


def _libraries(program: str) -> set[str]:
    told = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return {word for word in told.split() if word.startswith("/")}
