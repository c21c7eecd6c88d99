"""What the server costs a conversation. A token is taken as four characters.

Measured on the definitions, OpenAI's and Anthropic's published tokenizers count 2 to 5 % fewer.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autoagent.worker.scripted import ScriptedEngine

from .callers import Connect, text_of

CHARACTERS_A_TOKEN = 4
TASKS = [f"a-task-with-a-long-name-{number:03}" for number in range(60)]


@pytest.fixture
def workspace(make_workspace: Callable[..., Path]) -> Path:
    """Sixty tasks and a long note."""
    root = make_workspace({name: (f"q {name}", f"a {name}") for name in TASKS})
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
            facts = json.dumps(result.structured_content, ensure_ascii=False)
            sizes[tool] = max(len(facts), len(text_of(result))) / CHARACTERS_A_TOKEN
        listed = await caller.ask("run_benchmark")
    assert {tool: size for tool, size in sizes.items() if size >= 2000} == {}
    assert (len(listed["failing"]), listed["failing_total"]) == (20, 60)
