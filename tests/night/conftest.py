"""A night as a human starts it: `autoagent night`, a process, with a scripted agent."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, override

import pytest

AGENT = Path(__file__).with_name("agent.py")
TASKS = {"t1": ("hello", "hello"), "t2": ("pear", "PEAR")}


class Night:
    """A workspace, and what the agent remembers of its lives."""

    def __init__(self, root: Path, memory: Path) -> None:
        self.root, self.memory = root, memory
        memory.mkdir()

    def wants(self, *whims: str) -> None:
        """Let these happen, once each."""
        for whim in whims:
            (self.memory / whim).touch()

    def start(self, *options: str) -> "subprocess.Popen[str]":
        agent = f"{sys.executable} {AGENT} {self.memory}"
        command = [sys.executable, "-m", "autoagent", "night", "--workspace", str(self.root)]
        return subprocess.Popen(
            [*command, "--agent", agent, *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ,
        )  # fmt: skip

    def play(self, *options: str) -> tuple[int, str]:
        """A whole night: its exit code, and what it printed."""
        process = self.start(*options)
        try:
            said = process.communicate(timeout=120)[0]
        finally:
            process.kill()
        return process.returncode, said

    @property
    def events(self) -> list[dict[str, Any]]:
        """The log's JSON lines."""
        (file,) = (self.root / ".autoagent/night").glob("*.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["kind"] == kind]

    @property
    def prompts(self) -> list[str]:
        """What the agent was told, in all its lives."""
        return [json.loads(line) for line in (self.memory / "prompts").read_text().splitlines()]


@pytest.fixture
def make_night(make_workspace: Callable[..., Path], tmp_path: Path) -> Callable[[str], Night]:
    def make(config: str) -> Night:
        return Night(make_workspace(TASKS, config=config), tmp_path / "memory")

    return make


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/", posted
        server.shutdown()
        thread.join()
