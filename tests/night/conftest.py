"""Nights of the scripted agent, and somebody to tell."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, override

import pytest

from .driven import Night

AGENT = Path(__file__).with_name("agent.py")
TASKS = {"t1": ("hello", "hello"), "t2": ("pear", "PEAR")}


class Scripted(Night):
    """A night with the agent of `agent.py`, and what that remembers of its lives."""

    def __init__(self, root: Path, memory: Path) -> None:
        super().__init__(root, f"{sys.executable} {AGENT} {memory}")
        self.memory = memory
        memory.mkdir()

    def wants(self, *whims: str) -> None:
        """Let these happen, once each."""
        for whim in whims:
            (self.memory / whim).touch()

    @property
    def prompts(self) -> list[str]:
        """What the agent was told, in all its lives."""
        return [json.loads(line) for line in (self.memory / "prompts").read_text().splitlines()]


@pytest.fixture
def make_night(make_workspace: Callable[..., Path], tmp_path: Path) -> Callable[[str], Scripted]:
    """A night by an autoagent.toml."""

    def make(config: str) -> Scripted:
        return Scripted(make_workspace(TASKS, config=config), tmp_path / "memory")

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


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop with a notify-send; the file has a line for each time it was called."""
    shown, programs = tmp_path / "shown", tmp_path / "programs"
    programs.mkdir()
    program = programs / "notify-send"
    program.write_text(f'#!/bin/sh\necho "$@" >> {shown}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":0")
    return shown
