"""Claude Code as its users have it: installed from npm, with a home of its own and no network.

Its model is a scripted endpoint. Nothing of the user who runs this is read or written.
"""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from .npm import CLAUDE, programs

SERVER = "mcp__plugin_autoagent_autoagent__"
"""How it names the tools of the plugin's server."""
KEY = "sk-ant-this-is-no-key-0123456789"
ENTER, ESCAPE = "\r", "\x1b"
_SEQUENCES = re.compile(r"\x1b\[[0-9;?>=<]*[a-zA-Z]|\x1b\][^\x07]*\x07|\x1b[()].|\x1b.")


def install() -> Path:
    """The program.

    Raises:
        LookupError: There is no npm, or it could not fetch it; says which.
    """
    return programs(CLAUDE) / "claude"


class Claude:
    """One user's Claude Code in one workspace."""

    def __init__(self, directory: Path, workspace: Path, url: str) -> None:
        """Keep everything below `directory`; the model's API is at `url`."""
        self.program, self.workspace = str(install()), workspace
        self.home = home = directory / "home"
        home.mkdir()
        asked_before = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
            "projects": {str(workspace): {"hasTrustDialogAccepted": True}},
        }
        (home / ".claude.json").write_text(json.dumps(asked_before))
        self.environment = {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": url,
            "ANTHROPIC_API_KEY": KEY,
            "CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "AUTOAGENT_STATE_DIR": str(directory / "state"),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def transcripts(self) -> str:
        """What it has written down of its sessions."""
        places = sorted(self.home.glob(".claude/projects/*/*.jsonl"))
        return "".join(place.read_text() for place in places)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command, to its end."""
        process = self.start(*arguments)
        said = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, *said)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command that somebody may kill."""
        return subprocess.Popen(
            [self.program, *arguments],
            cwd=self.workspace,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextmanager
    def terminal(self, *arguments: str) -> "Generator[Terminal]":
        """A session in a terminal, which is killed at the end."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        process = subprocess.Popen(
            [self.program, *arguments],
            cwd=self.workspace,
            env=self.environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        terminal = Terminal(ours)
        try:
            yield terminal
        finally:
            process.kill()
            process.wait()
            terminal.close()


class Terminal:
    """What a human types into a session, and what it has shown."""

    def __init__(self, descriptor: int) -> None:
        self.shown = ""
        self._descriptor = descriptor
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def enter(self, line: str) -> None:
        """Paste a line, so that no menu opens over it, and press Enter."""
        self.press(f"\x1b[200~{line}\x1b[201~")
        self.press(ENTER)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._descriptor, keys.encode())

    def close(self) -> None:
        """The program is gone."""
        self._reading.join()
        os.close(self._descriptor)

    def _read(self) -> None:
        with suppress(OSError):  # the other side is closed
            while data := os.read(self._descriptor, 65536):
                self.shown += _SEQUENCES.sub("", data.decode("utf-8", "replace"))
