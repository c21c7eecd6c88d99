"""A climb played by its tools."""

import re
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

from autoagent.worker.scripted import ScriptedEngine

from .callers import ALL, IMPATIENT, ORDER, TWO, Connect, edit, text_of

STANDING = {
    "message",
    "next_step",
    "phase",
    "incumbent",
    "clock",
    "budget_left",
    "next_calls",
    "head",
}


def leaves(value: Any) -> list[str]:
    """Every scalar of a reply, as text; null is told as `none`."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in leaves(inner)]
    return ["none" if value is None else str(value)]


@pytest.mark.both_eras
async def test_a_better_candidate_becomes_the_incumbent(connect: Connect, workspace: Path) -> None:
    async with connect(ScriptedEngine(TWO, ALL)) as caller:
        started = await caller.ask("start_climb", tag="night")
        assert (started["phase"], started["tasks"]) == ("baseline_needed", 4)
        first = await caller.ask("run_benchmark")
        assert first["verdict"] == snapshot(
            {"status": "keep", "reason": "baseline", "sentence": "the baseline passed 2/4"}
        )
        assert first["failing"] == snapshot(
            ["e3.t3.1 failed, reward 0, 0.1 s", "e3.t4.1 failed, reward 0, 0.1 s"]
        )
        await caller.ask("append_result", description="baseline")

        edit(workspace)
        committed = await caller.ask("commit_candidate", description="one more turn")
        measured = await caller.ask("run_benchmark")
        assert measured["candidate"] == committed["candidate"]
        assert measured["score"]["passed"] == 4
        recorded = await caller.ask("append_result")

        assert recorded["row"]["status"] == "keep"
        assert recorded["incumbent"]["commit"] == committed["candidate"]
        finished = await caller.ask("finish_climb")
        assert (finished["phase"], finished["incumbent"]["score"]["passed"]) == ("finished", 4)
        assert "Certified: " in finished["message"]


async def test_a_discard_restores_the_files_and_says_so(connect: Connect, workspace: Path) -> None:
    async with connect(ScriptedEngine(ALL, TWO)) as caller:
        await caller.baseline()
        before = (workspace / "agent.py").read_bytes()
        edit(workspace)
        await caller.ask("commit_candidate", description="worse")
        await caller.ask("run_benchmark")
        recorded = await caller.ask("append_result")
    row = recorded["row"]
    assert recorded["message"].startswith(f"Recorded {row['commit']}: discard, stopped early")
    assert (workspace / "agent.py").read_bytes() == before


@pytest.mark.rule("R11")
async def test_every_reply_tells_where_the_climb_stands(connect: Connect, workspace: Path) -> None:
    async with connect(ScriptedEngine(TWO, ALL)) as caller:
        replies = [await caller.ask("start_climb", tag="night"), await caller.ask("run_benchmark")]
        replies += [await caller.ask("append_result"), await caller.ask("status")]
        edit(workspace)
        replies += [
            await caller.ask("read_file", path="agent.py"),
            await caller.ask("edit_file", path=".agent/notes.md", old="", new="tried: turns\n"),
            await caller.ask("commit_candidate", description="x"),
            await caller.ask("revert"),
            await caller.ask("compare"),
            await caller.ask("read_trajectory", trial="e3.t3.1"),
            await caller.ask("finish_climb"),
        ]
    for reply in replies:
        assert set(reply) >= STANDING
        assert re.fullmatch(r"[0-9a-f]{12}|[0-9a-f]{64}", reply["head"])
        assert re.fullmatch(r"\d\d:\d\d, 0\.0 h played", reply["clock"])
        assert reply["next_calls"]
        assert any(name in reply["next_step"] for name in (*ORDER, "human"))


async def test_text_and_structured_content_carry_the_same_facts(
    connect: Connect, workspace: Path
) -> None:
    """Codex and Claude Code read one, opencode and Gemini the other."""
    async with connect() as caller:
        await caller.baseline()
        edit(workspace)
        for tool, arguments in {
            "status": {},
            "read_file": {"path": "agent.py"},
            "commit_candidate": {"description": "one more turn"},
            "run_benchmark": {},
            "compare": {},
            "read_trajectory": {"trial": "e4.t1.1"},
            "append_result": {},
        }.items():
            result = await caller.result(tool, **arguments)
            text = text_of(result)
            assert not result.is_error
            assert [leaf for leaf in leaves(result.structured_content) if leaf not in text] == []


async def test_a_subset_decides_nothing_and_names_its_first_failure(
    connect: Connect, workspace: Path
) -> None:
    async with connect(ScriptedEngine(TWO)) as caller:
        await caller.baseline()
        reply = await caller.ask("run_benchmark", tasks=["t3", "t1"])
    assert (reply["kind"], reply["verdict"], reply["phase"]) == ("subset", None, "idle")
    assert reply["next_step"] == snapshot('read_trajectory("e4.t3.1")')
    assert "a subset decides nothing" in reply["message"]


async def test_an_unmeasured_candidate_can_be_reverted(connect: Connect, workspace: Path) -> None:
    async with connect() as caller:
        await caller.baseline()
        edit(workspace)
        await caller.ask("commit_candidate", description="x")
        reply = await caller.ask("revert")
    assert reply["phase"] == "idle"
    assert "X = 1" not in (workspace / "agent.py").read_text()


async def test_a_dry_run_stores_nothing(connect: Connect, workspace: Path) -> None:
    async with connect() as caller:
        await caller.baseline()
        edit(workspace)
        reply = await caller.ask("commit_candidate", description="x", dry_run=True)
    assert (reply["candidate"], reply["phase"]) == (None, "idle")
    assert reply["complexity"] > reply["incumbent_complexity"]


async def test_a_cancelled_full_suite_is_told_with_its_verdict(
    connect: Connect, workspace: Path
) -> None:
    engine = ScriptedEngine(TWO, ALL)
    async with connect(engine, IMPATIENT) as caller:
        await caller.settled("start_climb", tag="night")
        await caller.ask("run_benchmark")
        await caller.ask("append_result")
        engine.hold = True
        edit(workspace)
        await caller.ask("commit_candidate", description="x")
        assert (await caller.ask("run_benchmark"))["message"].startswith("running e4, 0/4; ")
        reply = await caller.ask("cancel_benchmark")
    assert (reply["phase"], "Verdict discard" in reply["message"]) == ("evaluated", True)
    assert reply["next_step"].startswith("append_result()")
