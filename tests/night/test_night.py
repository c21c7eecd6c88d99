"""A night is played to its end, whatever the agent does."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from autoagent.evidence.events import TrialFinished, WorkerEnded
from autoagent.evidence.journal import Journal
from autoagent.night.standing import look
from autoagent.workspace.layout import WorkspaceLock, open_workspace

from .conftest import Scripted
from .driven import position_of

MakeNight = Callable[[str], Scripted]
CONFIG = "[certify]\npasses = 1\n[night]\nstall_minutes = 0.2\n"


@pytest.mark.slow
def test_a_night_ends_certified_though_its_agent_asks_dies_stalls_and_cheats(
    make_night: MakeNight, webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    night = make_night(CONFIG)
    night.wants("asks", "dies", "stalls", "cheats")

    code, said = night.play("--webhook", webhook[0])

    assert code == 0, said
    position = position_of(night)
    assert position.phase == "finished"
    assert position.certificate is not None
    assert position.certificate.effect.difference == 0.5
    assert position.rows == 3
    lives = [event["reason"] for event in night.of("session") if "reason" in event]
    assert lives == ["stalled", "died"]
    first, asked, *later = night.prompts
    assert "Make the harness answer more." in first
    assert 'start_climb("night-' in first
    assert asked.startswith("Go on: nobody is there")
    assert "the incumbent passes 1/2" in asked
    assert [prompt.partition(";")[0] for prompt in later] == [
        "Go on with the climb that is being played"
    ] * 2
    *denied, why = json.loads((night.memory / "cheated").read_text())
    assert denied == [False, False]
    assert "below the boundary" in why
    assert len(night.of("denied")) == 3
    (posted,) = webhook[1]
    assert (posted["code"], posted["passed"], posted["expected"]) == (0, 2, 2)
    assert posted["certificate"]["effect"]["difference"] == 0.5
    assert (posted["sessions"], posted["agent_dollars"]) == (3, 0.5)
    assert posted["message"] in said
    with closing(Journal(open_workspace(night.root).journal, read_only=True)) as journal:
        measured = [entry.event.trial for entry in journal.about("e4", TrialFinished)]
    trials = [(trial.task, trial.attempt, trial.side) for trial in measured]
    assert 0 < len(trials) == len(set(trials))  # what outlived its agent is rejoined


@pytest.mark.slow
@pytest.mark.rule("R12")
def test_an_agent_that_cost_too_much_is_ended_and_the_night_certifies_the_climb(
    make_night: MakeNight,
) -> None:
    night = make_night(CONFIG + "dollars = 0.2\n")
    night.wants("leaves")

    code, said = night.play()

    assert code == 0, said
    assert "the agent's own dollars are spent" in said
    assert not any("finish_climb" in event["words"] for event in night.of("tool"))
    position = position_of(night)
    assert position.certificate is not None
    assert position.certificate.effect.difference == 0.5


def test_an_agent_that_dies_while_it_is_owed_answers_has_died_and_no_more(
    make_night: MakeNight,
) -> None:
    """Answers that cannot be sent any more are its loss; the night itself goes on to its end."""
    file = {"sessionId": "s", "path": "program.md"}
    asked = {"jsonrpc": "2.0", "id": 1, "method": "fs/read_text_file", "params": file}
    night = make_night("[night]\nsessions = 1\n")
    agent = night.root.parent / "agent.sh"
    agent.write_text(f"yes '{json.dumps(asked)}' | head -2000")
    night.agent = f"sh {agent}"

    code, said = night.play()

    assert code == 3, said
    assert "the agent had all its sessions (night.sessions); see " in said


@pytest.mark.slow
@pytest.mark.rule("R10")
async def test_a_stop_file_ends_a_night_and_webhook_and_desktop_are_told(
    make_night: MakeNight,
    webhook: tuple[str, list[dict[str, Any]]],
    desktop: Path,
) -> None:
    """What is measured is cancelled and discarded; a night that finds the file starts no agent."""
    night = make_night(CONFIG)
    night.wants("dawdles")
    process = night.start("--webhook", webhook[0])
    try:
        await candidate_is_measured(night, process)
        (night.root / "STOP").touch()
        said = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    again = night.play("--webhook", "http://\x7f/")

    assert process.returncode == 0, said
    stopped, finished = "the STOP file asks for the end", "the climb is over"
    (over,) = [event["words"] for event in night.of("over")][:1]
    assert over in (stopped, finished)  # the server sees the file too, and the agent may be first
    position = position_of(night)
    assert (position.phase, position.rows) == ("finished", 2)
    (posted,) = webhook[1]
    assert posted["message"].startswith(f"{over}; ")
    assert "nothing was kept" in posted["message"]
    assert posted["message"] in said
    assert (posted["code"], posted["phase"], posted["sessions"]) == (0, "finished", 1)
    assert again[0] == 0, again[1]
    assert "webhook did not take it: InvalidURL" in again[1]
    assert night.of("ended")[1]["words"].startswith(f"{stopped}; ")
    assert len(night.of("session")) == 1
    shown = desktop.read_text().splitlines()
    assert shown == [f"-- AutoAgent {event['words']}" for event in night.of("ended")]


@pytest.mark.slow
async def test_a_signal_leaves_an_evaluation_to_the_next_night_which_certifies_at_its_hour(
    make_night: MakeNight, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first night measured is kept by the second, which is cut off in its next idea."""
    night = make_night(CONFIG)
    night.wants("wins")
    workspace = open_workspace(night.root)
    process = night.start()
    try:
        await candidate_is_measured(night, process)
        process.send_signal(signal.SIGHUP)  # its terminal was closed
        said = process.communicate(timeout=60)[0]
    finally:
        process.kill()

    assert process.returncode == 128 + signal.SIGHUP, said
    (session,) = night.of("session")
    with pytest.raises(ProcessLookupError):
        os.killpg(session["pid"], 0)
    assert position_of(night).phase == "evaluating"
    with anyio.fail_after(60), WorkspaceLock(workspace.lock):
        while look(workspace).measuring:
            await anyio.sleep(0.05)
    with closing(Journal(workspace.journal, read_only=True)) as journal:
        assert [e.event.end for e in journal.about("e3", WorkerEnded)] == ["complete"]

    night.wants("dawdles")
    monkeypatch.setenv("TZ", zone_in_which_it_is_soon(7, seconds=15))
    code, said = night.play("--until", "07:00")

    assert code == 0, said
    assert "over       the hour has come" in said
    assert "ended      the hour has come; night: 1 to 2 of 2 passed" in said
    position = position_of(night)
    assert position.phase == "finished"
    assert position.certificate is not None
    assert position.certificate.effect.difference == 0.5


async def candidate_is_measured(night: Scripted, process: "subprocess.Popen[str]") -> None:
    """Wait until a worker measures a candidate of the night."""
    workspace = open_workspace(night.root)
    with anyio.fail_after(180):
        while (running := look(workspace).position.running) is None or running.kind != "full":
            assert process.poll() is None
            await anyio.sleep(0.05)


def zone_in_which_it_is_soon(hour: int, *, seconds: int) -> str:
    """A value for TZ: so many seconds before a full hour of that zone."""
    offset = (int(time.time()) + seconds - hour * 3600) % 86400  # of UTC before the zone
    return f"ABC{offset // 3600}:{offset // 60 % 60:02}:{offset % 60:02}"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--agent", "no-such-agent"], "'no-such-agent' cannot be started: No such file"),
        (["--until", "7 o'clock"], '--until is "7 o\'clock"'),
        (["--agent", "sh -c 'exit 3'", "--at", "25:00"], "--at is '25:00'"),
    ],
)
def test_what_cannot_be_done_is_said_and_exits_2(
    make_night: MakeNight, options: list[str], why: str
) -> None:
    code, said = make_night("").play(*options)

    assert code == 2
    assert why in said


def test_a_second_night_is_refused(make_night: MakeNight) -> None:
    night = make_night("")
    with WorkspaceLock(open_workspace(night.root).state / "night.lock", "autoagent night"):
        code, said = night.play()

    assert code == 2
    assert "(autoagent night)" in said
