"""`autoagent watch --tell`: a human who sleeps hears of a climb that any client plays."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autoagent.referee.referee import Referee
from autoagent.worker.scripted import ScriptedEngine

from ..referee.playing import ONE, TWO, propose, settle, with_baseline

CONFIG = """\
[budget]
evaluations = 2
[certify]
passes = 0
[night]
webhook = "{}"
"""


def watching(workspace: Path) -> list[str]:
    command = [sys.executable, "-m", "autoagent", "watch", "--workspace", str(workspace)]
    return [*command, "--port", "0", "--tell"]


@pytest.mark.slow
def test_webhook_and_desktop_hear_of_a_spent_budget_and_of_the_end_beside_the_page(
    make_workspace: Callable[..., Path],
    webhook: tuple[str, list[dict[str, Any]]],
    desktop: Path,
) -> None:
    address, posted = webhook
    workspace = make_workspace(config=CONFIG.format(address))
    referee = Referee.open(workspace, ScriptedEngine(ONE, TWO))
    with subprocess.Popen(watching(workspace), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        with_baseline(referee)
        propose(referee, workspace)
        heard = [process.stdout.readline() for _ in range(3)]
        referee.finish_climb("enough")
        settle(referee)
        heard += [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    referee.close()

    assert [line.partition(":")[0] for line in heard] == [
        *("budget", "notified", "notified"),
        *("ended", "notified", "notified"),
    ]
    assert [told["event"] for told in posted] == ["budget", "ended"]
    assert [told["phase"] for told in posted] == ["idle", "finished"]
    assert "evaluations" in posted[0]["message"]
    assert posted[1]["message"].startswith("the climb is over; ")
    assert desktop.read_text().splitlines() == [
        f"-- AutoAgent {told['message']}" for told in posted
    ]


@pytest.mark.slow
def test_with_nobody_to_tell_it_is_refused_in_words(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)

    done = subprocess.run(watching(workspace), capture_output=True, text=True, timeout=30)

    assert (done.returncode, done.stdout) == (2, "")
    assert "nobody to tell" in done.stderr
    assert "night.webhook" in done.stderr
