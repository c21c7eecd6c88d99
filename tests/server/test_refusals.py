"""Every refusal says what happened, why, and the exact call to make next."""

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot
from mcp import Client

from autoagent import errors
from autoagent.errors import AutoAgentError, InfrastructureFault
from autoagent.referee.moves import ADVICE
from autoagent.referee.referee import Referee
from autoagent.server.app import build_server
from autoagent.server.arguments import FAULT, refusal
from autoagent.worker.engine import Engine
from autoagent.worker.scripted import ScriptedEngine

from .callers import ORDER, PATIENT, TWO, Caller, Connect, edit

pytestmark = pytest.mark.both_eras
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]


def test_every_error_of_ours_is_mapped() -> None:
    assert set(ADVICE) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_ends_with_a_call(kind: type[AutoAgentError]) -> None:
    """Also where the error itself names none."""
    arguments: tuple[Any, ...] = ("It broke",)
    error = kind(["a: b"], "revert()") if kind is errors.CandidateRefused else kind(*arguments)
    text = refusal(error)
    assert re.search(r"\. Next: .*\w\(.*\).*\.$", text), text


def test_a_refusal_keeps_its_call_however_long_it_is() -> None:
    error = errors.CandidateRefused([f"agent.py:{n}: wrong" for n in range(2000)], "revert()")
    text = refusal(error)
    assert len(text) < 6200
    assert text.endswith("Next: revert().")


async def test_calls_out_of_order_name_the_call_that_is_in_order(
    connect: Connect, workspace: Path
) -> None:
    said: dict[str, str] = {}
    async with connect() as caller:
        said["new"] = await caller.refused("run_benchmark")
        await caller.ask("start_climb", tag="night")
        said["baseline_needed"] = await caller.refused("commit_candidate", description="x")
        await caller.ask("run_benchmark")
        said["evaluated"] = await caller.refused("commit_candidate", description="x")
        await caller.ask("append_result")
        said["idle"] = await caller.refused("append_result")
        said["nothing runs"] = await caller.refused("cancel_benchmark")
        said["no change"] = await caller.refused("commit_candidate", description="x")
        said["unknown task"] = await caller.refused("run_benchmark", tasks=["t9"])
        said["unknown trial"] = await caller.refused("read_trajectory", trial="../../etc/passwd")
        said["unknown file"] = await caller.refused("read_file", path="../secret")
        said["missing note"] = await caller.refused("read_file", path=".agent/none.md")
        said["missing note, edited"] = await caller.refused(
            "edit_file", path=".agent/none.md", old="a", new="b"
        )
        said["protected"] = await caller.refused("edit_file", path="program.md", old="a", new="b")
        said["second climb"] = await caller.refused("start_climb", tag="other")
    assert {name: text.rpartition("Next: ")[2] for name, text in said.items()} == snapshot(
        {
            "new": "start_climb(tag).",
            "baseline_needed": "run_benchmark().",
            "evaluated": "append_result(description).",
            "idle": "commit_candidate(description).",
            "nothing runs": "commit_candidate(description).",
            "no change": "edit above the boundary, then commit_candidate(description).",
            "unknown task": "run_benchmark(tasks=[...]) with names from this list.",
            "unknown trial": 'run_benchmark("incumbent"), which lists its failing trials.',
            "unknown file": 'read_file("program.md").',
            "missing note": 'read_file("program.md").',
            "missing note, edited": 'edit_file(".agent/none.md", "", text) to create it.',
            "protected": 'edit_file("agent.py", old, new).',
            "second climb": "commit_candidate(description).",
        }
    )
    assert all(re.search(rf"\b({'|'.join(ORDER)})\(", text) for text in said.values())


async def test_a_broken_rule_is_told_with_file_and_line(connect: Connect, workspace: Path) -> None:
    async with connect() as caller:
        await caller.baseline()
        harness = workspace / "agent.py"
        harness.write_text(harness.read_text().replace('return "0"', 'return "1"'))
        text = await caller.refused("commit_candidate", description="x")
    assert "agent.py:" in text
    assert text.startswith("The candidate was refused and nothing was committed:")


async def test_tasks_that_cannot_be_used_are_told_to_whoever_waits(connect: Connect) -> None:
    async with connect(ScriptedEngine(TWO, oracle={"t1": [0.0]})) as caller:
        text = await caller.refused("start_climb", tag="night")
    assert text.startswith("No task can be used. tasks/t1: its oracle")


async def test_a_start_that_left_tasks_out_says_how_many(connect: Connect) -> None:
    failing = {"t1": [1.0], "t2": [0.0], "t3": [1.0], "t4": [0.0]}
    async with connect(ScriptedEngine(TWO, oracle=failing)) as caller:
        reply = await caller.ask("start_climb", tag="night")
    assert "2 of 4 tasks are validated, 2 left out" in reply["message"]


async def test_where_every_task_has_to_be_usable_one_that_is_not_ends_the_start(
    make_workspace: Callable[..., Path],
) -> None:
    root = make_workspace(config="[benchmark]\nevery_task = true\n")
    referee = Referee.open(root, ScriptedEngine(TWO, oracle={"t1": [1.0]}))
    async with Client(build_server(referee, PATIENT)) as client:
        text = await Caller(client).refused("start_climb", tag="night")
    referee.close()
    assert text.startswith("Not every task can be used. tasks/t2: its oracle did not pass")
    assert 'Next: tell the human which task to mend, then start_climb("night") again' in text


async def test_what_cannot_be_read_or_found_names_the_call_that_helps(connect: Connect) -> None:
    async with connect() as caller:
        early = await caller.refused("read_file", path="tasks/t1/instruction.md")
        await caller.baseline()
        unknown = await caller.refused("read_trajectory", trial="e9.t1.1")
        listed = await caller.ask("run_benchmark", candidate="incumbent")
    assert early.endswith("can be read once a climb has frozen the tasks. Next: start_climb(tag).")
    assert unknown.endswith('Next: run_benchmark("incumbent"), which lists its failing trials.')
    assert [line.split()[0] for line in listed["failing"]] == ["e3.t3.1", "e3.t4.1"]


async def test_an_edit_after_the_commit_is_told_until_its_row_is_written(
    connect: Connect, workspace: Path
) -> None:
    """It is neither measured nor kept: a discard puts it aside."""
    told = "changed after commit_candidate: that is neither measured nor kept"
    async with connect(ScriptedEngine(TWO, TWO)) as caller:
        await caller.baseline()
        edit(workspace, "X = 1")
        await caller.ask("commit_candidate", description="x")
        assert told not in str(await caller.ask("status"))
        edit(workspace, "Y = 1")
        assert told in str((await caller.ask("status"))["notes"])
        assert told in (await caller.ask("run_benchmark"))["message"]
        await caller.ask("append_result")
        assert told not in str(await caller.ask("status"))


async def test_a_stop_file_is_told_by_every_reply(connect: Connect, workspace: Path) -> None:
    async with connect() as caller:
        await caller.baseline()
        (workspace / "STOP").touch()
        note = {"path": ".agent/a", "old": "", "new": "a"}
        for tool, given in (("status", {}), ("revert", {}), ("edit_file", note)):
            reply = await caller.ask(tool, **given)
            assert "STOP asks for the end of the climb" in reply["message"]
            assert reply["next_calls"][0] == "finish_climb()"


class Broken(ScriptedEngine):
    """An engine whose machine fails, or which has a bug."""

    def __init__(self, error: Exception) -> None:
        super().__init__(TWO)
        self._error = error

    def start(self, spec: Any) -> None:
        raise self._error


async def test_a_fault_of_the_server_is_logged_and_survived(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """The model is not shown what a bug said; the log is."""
    with caplog.at_level(logging.ERROR):
        async with connect(Broken(RuntimeError("a secret path"))) as caller:
            assert await caller.refused("start_climb", tag="night") == FAULT
            reply = await caller.ask("read_file", path="program.md")
    assert reply["phase"] == "validating"
    assert "a secret path" in caplog.text


async def test_status_answers_where_the_machine_fails(connect: Connect) -> None:
    failure = InfrastructureFault("The worker of e1 was not started: no memory.")
    async with connect(Broken(failure)) as caller:
        text = await caller.refused("start_climb", tag="night")
        reply = await caller.ask("status")
    assert text.startswith("The worker of e1 was not started: no memory. Next: ")
    assert "no memory" in reply["notes"][0]


async def test_a_workspace_that_cannot_be_opened_refuses_until_it_can(
    open_referee: Callable[[Engine | None], Referee], workspace: Path, mode: str
) -> None:
    """Codex, opencode and Gemini would lose the tools of a server that died."""
    config = workspace / "autoagent.toml"
    config.write_text("isolation = 'none'\n")
    server = build_server(lambda: open_referee(ScriptedEngine(TWO)), PATIENT)
    async with Client(server, mode=mode) as client:
        caller = Caller(client)
        text = await caller.refused("status")
        config.unlink()
        reply = await caller.ask("status")
    assert "autoagent.toml: `isolation` is 'none'" in text
    assert text.endswith("Next: tell the human to mend autoagent.toml, then status().")
    assert reply["phase"] == "new"


async def test_a_session_lets_the_workspace_go_and_the_next_takes_it_again(
    workspace: Path, mode: str
) -> None:
    server = build_server(lambda: Referee.open(workspace))
    for _ in range(2):
        async with Client(server, mode=mode) as client:
            assert (await Caller(client).ask("status"))["phase"] == "new"
        Referee.open(workspace).close()


async def test_a_second_server_names_the_first(
    connect: Connect, workspace: Path, mode: str
) -> None:
    async with (
        connect(),
        Client(build_server(lambda: Referee.open(workspace)), mode=mode) as client,
    ):
        text = await Caller(client).refused("status")
    assert text.startswith("Another process referees this workspace: pid ")


async def test_the_call_that_a_refusal_names_works(connect: Connect, workspace: Path) -> None:
    """A harness that is no Python any more is mended as the refusal says."""
    async with connect() as caller:
        await caller.baseline()
        edit(workspace, "def (")
        text = await caller.refused("commit_candidate", description="x")
        assert text.endswith("edit above the boundary, then commit_candidate(description) again.")
        await caller.ask("edit_file", path="agent.py", old="def (\n", new="Y = 2\n")
        assert (await caller.ask("commit_candidate", description="x"))["phase"] == "committed"
