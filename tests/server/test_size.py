"""What the server costs a conversation. A token is taken as four characters.

Measured on the definitions, OpenAI's and Anthropic's published tokenizers count 2 to 5 % fewer.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mcp_types import CallToolResult

from autoagent.gate.agenda import Slot
from autoagent.records import Trial
from autoagent.server.waiting import UNKNOWN_CLIENT_SECONDS
from autoagent.worker.engine import EvaluationSpec
from autoagent.worker.scripted import Script, ScriptedEngine

from .callers import IMPATIENT, Connect, edit, text_of

CHARACTERS_A_TOKEN = 4
TASKS = [f"a-task-with-a-long-name-{number:03}" for number in range(60)]


def tokens(result: CallToolResult) -> float:
    """What a client shows of a reply: its facts or its text, whichever is longer."""
    facts = json.dumps(result.structured_content, ensure_ascii=False)
    return max(len(facts), len(text_of(result))) / CHARACTERS_A_TOKEN


@pytest.fixture
def workspace(make_workspace: Callable[..., Path]) -> Path:
    """Sixty tasks and a long note."""
    tasks = {name: (f"q {name}", f"a {name}") for name in TASKS}
    root = make_workspace(tasks, config="[budget]\nevaluations = 50\nhours = 8\ndollars = 20\n")
    notes = root / ".agent"
    notes.mkdir()
    (notes / "long.md").write_text("A line of the usual length, which is about fifty.\n" * 2000)
    return root


async def test_all_definitions_together_stay_below_2500_tokens(connect: Connect) -> None:
    """Names, descriptions, annotations, input and output schemas, as the wire has them."""
    async with connect() as caller:
        tools = (await caller.client.list_tools()).tools
        instructions = caller.client.instructions or ""
    wire = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    seen = [(tool.name, tool.description, tool.input_schema) for tool in tools]
    assert len(json.dumps(wire, separators=(",", ":"))) / CHARACTERS_A_TOKEN < 2490
    assert len(json.dumps(seen, separators=(",", ":"))) / CHARACTERS_A_TOKEN < 1350
    assert len(instructions.encode()) < 2048


async def test_every_default_reply_stays_below_2000_tokens(connect: Connect) -> None:
    """With sixty tasks that all fail."""
    engine = ScriptedEngine({}, oracle=dict.fromkeys(TASKS, [1.0]))
    sizes: dict[str, float] = {}
    async with connect(engine) as caller:
        for tool, arguments in {
            "start_climb": {"tag": "night"},
            "run_benchmark": {},
            "append_result": {},
            "status": {},
            "read_file": {"path": ".agent/long.md"},
            "read_trajectory": {"trial": f"e3.{TASKS[7]}.1"},
            "compare": {},
        }.items():
            result = await caller.result(tool, **arguments)
            assert not result.is_error, text_of(result)
            sizes[tool] = tokens(result)
        listed = await caller.ask("run_benchmark")
    assert {tool: size for tool, size in sizes.items() if size >= 2000} == {}
    assert (len(listed["failing"]), listed["failing_total"]) == (10, 60)


class LongTrials(ScriptedEngine):
    """Every measured trial left a trajectory of 200 steps and 5 MB, and a verifier that talks."""

    def _trial(self, spec: EvaluationSpec, slot: Slot, script: Script) -> Trial:
        trial = super()._trial(spec, slot, script)
        return trial.replace(cost_usd=0.0125, seconds=61.5, detail='ValueError: "no answer"' * 9)

    def _directory(self, spec: EvaluationSpec, trial: Trial) -> str:
        if spec.probes:
            return ""
        place = spec.jobs / spec.id / f"{trial.id}__x"
        (place / "agent").mkdir(parents=True)
        (place / "verifier").mkdir()
        (place / "verifier/test-stdout.txt").write_text('expected "42" in answer.txt\n' * 99)
        long = spec.jobs / f"{spec.id}.json"
        if not long.exists():
            long.write_text(json.dumps({"steps": [_step(spec.id, n) for n in range(1, 201)]}))
        os.link(long, place / "agent/trajectory.json")
        return str(place)


def _step(evaluation: str, number: int) -> dict[str, Any]:
    said = {"command": f"cat '/app/part {number}' | grep \"{evaluation if number > 150 else ''}\""}
    printed = f'"line" \\ of {number}\n' * 1500 + ("\nexit code 1" if number % 9 == 0 else "")
    return {
        "source": "agent",
        "message": f'I look at "part {number}" and\nthen at what is next to it. ' * 3,
        "timestamp": f"2026-11-01T00:{number // 60:02}:{number % 60:02}Z",
        "metrics": {"cost_usd": 0.00125},
        "tool_calls": [{"function_name": "run_shell", "arguments": said}],
        "observation": {"results": [{"content": printed}]},
    }


async def test_outline_comparison_and_diagnosis_of_trials_of_200_steps_stay_below_800_tokens(
    connect: Connect, workspace: Path
) -> None:
    """And what was looked for; read within a tenth of a second where nothing else runs."""
    fixed = {name: [1.0] for name in TASKS[::2]}
    engine = LongTrials({name: [1.0] for name in TASKS[1:9:2]}, fixed)
    async with connect(engine) as caller:
        await caller.baseline()
        edit(workspace)
        await caller.ask("commit_candidate", description="A sentence on what and why. " * 5)
        await caller.ask("run_benchmark")
        trial = f"e4.{TASKS[8]}.1"
        outline = await caller.result("read_trajectory", trial=trial)
        places = await caller.result("read_trajectory", trial=trial, find="line")
        compared = await caller.result("compare")
        diagnosed = await caller.result("diagnose")
    replies = (outline, places, compared, diagnosed)
    assert [tokens(reply) for reply in replies if tokens(reply) >= 800] == []
    assert "200 steps in all" in text_of(outline)
    assert "[exit 1, " in text_of(outline)
    assert "200 steps from 1 on hold the text" in text_of(places)
    assert "step 151 of 200 and 200" in text_of(compared)


async def test_an_iteration_costs_less_than_1000_tokens(connect: Connect, workspace: Path) -> None:
    """Sixty tasks with long names that all fail, a long description, a night with every cap."""
    engine = ScriptedEngine({}, oracle=dict.fromkeys(TASKS, [1.0]))
    async with connect(engine) as caller:
        await caller.baseline()
        edit(workspace)
        costs = [
            tokens(await caller.result(tool, **arguments))
            for tool, arguments in {
                "commit_candidate": {"description": "A sentence on what and why. " * 5},
                "run_benchmark": {},
                "append_result": {},
            }.items()
        ]
    assert sum(costs) < 1000, costs


async def test_an_hour_of_waiting_costs_less_than_2000_tokens(connect: Connect) -> None:
    """A client that may wait 40 s asks ninety times, and each answer says how far it is."""
    engine = ScriptedEngine({}, oracle=dict.fromkeys(TASKS, [1.0]), hold=True)
    async with connect(engine, IMPATIENT) as caller:
        validating = await caller.result("start_climb", tag="night")
        await caller.settled("start_climb", tag="night")
        running = await caller.result("run_benchmark")
    assert tokens(validating) < 25
    assert 3600 / UNKNOWN_CLIENT_SECONDS * tokens(running) < 2000
