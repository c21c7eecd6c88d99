"""The protocol as others test it: the suite of its makers, and a checker of the newest revision.

What does not apply to a server like this one is in conformance.toml, with the reason.
"""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tomli
import uvicorn

from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.http import guarded_app, hashed, listening, new_token
from autoagent.worker.engine import Engine

from . import npm

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

APPLY = (
    "server-initialize", "ping", "tools-list", "tools-call-simple-text", "tools-call-error",
    "server-sse-multiple-streams", "resources-list", "prompts-list", "dns-rebinding-protection",
)  # fmt: skip
LISTED = tomli.loads(Path(__file__).with_name("conformance.toml").read_text())


@pytest.fixture
def url(workspace: Path, open_referee: Callable[[Engine | None], Referee]) -> Iterator[str]:
    """The server over HTTP, for programs that can send no token: it is added to what they send."""
    token = new_token()
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        app = guarded_app(build_server(open_referee(None)), "127.0.0.1", port, hashed(token))

        async def with_token(scope: "Scope", receive: "Receive", send: "Send") -> None:
            if scope["type"] == "http":
                scope["headers"].append((b"authorization", f"Bearer {token}".encode()))
            await app(scope, receive, send)

        server = uvicorn.Server(uvicorn.Config(with_token, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.should_exit = True
            thread.join()


def test_every_scenario_that_applies_passes(url: str, tmp_path: Path) -> None:
    """And those that are listed with a reason fail: a reason that holds no more is found."""
    try:
        path = npm.path_with(npm.CONFORMANCE, npm.NODE)
    except LookupError as reason:
        pytest.skip(str(reason))
    done = subprocess.run(
        ["conformance", "server", "--url", url, "--suite", "all"],
        env={"PATH": path, "HOME": str(tmp_path)}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    passed = set(re.findall(r"^✓ ([\w-]+):", done.stdout, re.MULTILINE))
    failed = set(re.findall(r"^✗ ([\w-]+):", done.stdout, re.MULTILINE))
    assert failed == {name for why in LISTED.values() for name in why["scenarios"]}, done.stdout
    assert passed == set(APPLY), done.stdout + done.stderr


def test_the_newest_revision_is_spoken_as_its_checker_reads_it(url: str) -> None:
    """Handshake, sessions, discovery, schemas, errors, caching and origins of 2026-07-28."""
    mcpcheck = Path(sys.executable).with_name("mcpcheck")
    done = subprocess.run([mcpcheck, url, "--strict"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 8 checks passed" in done.stdout
