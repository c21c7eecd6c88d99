"""What the server costs a conversation. A token is taken as four characters.

Measured on the definitions, OpenAI's and Anthropic's published tokenizers count 2 to 5 % fewer.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mcp_types import CallToolResult

from autoagent.server.waiting import UNKNOWN_CLIENT_SECONDS
from autoagent.worker.scripted import ScriptedEngine

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
    assert len(json.dumps(seen, separators=(",", ":"))) / CHARACTERS_A_TOKEN < 1300
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
