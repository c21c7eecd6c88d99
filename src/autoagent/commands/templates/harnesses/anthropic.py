# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A harness on Anthropic's client alone: a loop of messages and tool calls, in plain sight."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from anthropic import AsyncAnthropic
from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

SYSTEM_PROMPT = """Do what the instruction asks with the tools you have, and check the result."""
MODEL = "claude-sonnet-5"  # fixed, unless the human changes it
MAX_TURNS = 30
MAX_TOKENS = 2048  # of one answer, thinking included: what a call may cost follows from it

Tools = dict[str, tuple[dict[str, Any], Callable[..., Awaitable[str]]]]


def create_tools(environment: BaseEnvironment) -> Tools:
    """Every tool by name: what the model is told of it, and what a call does."""

    async def run_shell(command: str) -> str:
        done = await environment.exec(command, timeout_sec=120)
        failed = f"\nexit code {done.return_code}" if done.return_code else ""
        return f"{done.stdout or ''}{done.stderr or ''}{failed}"

    told = {
        "description": "Run a bash command in the task's environment; what it printed.",
        "input_schema": {
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
        },
    }
    return {"run_shell": (told, run_shell)}


class Agent:
    """A conversation about one task. `turns` keeps each response with what its calls returned."""

    def __init__(self, tools: Tools) -> None:
        """Start with nothing said."""
        self.tools = tools
        self.turns: list[tuple[Any, dict[str, str]]] = []

    async def solve(self, instruction: str) -> None:
        """Talk until the model calls no tool any more, at most MAX_TURNS times."""
        messages: list[Any] = [{"role": "user", "content": instruction}]
        offered: list[Any] = [{"name": name, **told} for name, (told, _) in self.tools.items()]
        async with AsyncAnthropic() as client:
            for _ in range(MAX_TURNS):
                response = await client.messages.create(
                    model=MODEL,
                    max_tokens=MAX_TOKENS,
                    system=SYSTEM_PROMPT,
                    messages=messages,
                    tools=offered,
                )
                calls = [block for block in response.content if block.type == "tool_use"]
                outputs = await asyncio.gather(
                    *(self.call(block.name, block.input) for block in calls)
                )
                results = {block.id: output for block, output in zip(calls, outputs, strict=True)}
                self.turns.append((response, results))
                if not calls:
                    return
                content = [
                    {"type": "tool_result", "tool_use_id": call_id, "content": output}
                    for call_id, output in results.items()
                ]
                messages += [
                    {"role": "assistant", "content": response.content},
                    {"role": "user", "content": content},
                ]

    async def call(self, name: str, arguments: Any) -> str:
        """Do one call; a failure is an answer for the model."""
        try:
            return await self.tools[name][1](**arguments)
        except Exception as error:
            return f"{type(error).__name__}: {error}"


def create_agent(environment: BaseEnvironment) -> Agent:
    """An agent for one task."""
    return Agent(create_tools(environment))


async def run_task(environment: BaseEnvironment, instruction: str) -> tuple[dict[str, Any], int]:
    """Do one task; what was said, and how long it took in milliseconds."""
    started = time.monotonic()
    agent = create_agent(environment)
    await agent.solve(instruction)
    result = {"instruction": instruction, "turns": agent.turns}
    return result, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===
# Harbor's adapter and the trajectory. Nothing below this line changes.


def to_atif(result: dict[str, Any], model: str, duration_ms: int) -> dict[str, Any]:
    """One step for the prompt and the instruction, then one for each of the model's responses."""
    steps: list[dict[str, Any]] = [
        {"source": "system", "message": SYSTEM_PROMPT},
        {"source": "user", "message": result["instruction"]},
    ]
    steps += [_step(response, outputs) for response, outputs in result["turns"]]
    metrics = [step["metrics"] for step in steps if "metrics" in step]
    return {
        "schema_version": "ATIF-v1.7",
        "agent": {"name": AutoAgent.name(), "version": AutoAgent.VERSION, "model_name": model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        "final_metrics": {
            "total_prompt_tokens": sum(one["prompt_tokens"] for one in metrics),
            "total_completion_tokens": sum(one["completion_tokens"] for one in metrics),
            "total_cached_tokens": sum(one["cached_tokens"] for one in metrics),
            "total_steps": len(steps),
            "extra": {"duration_ms": duration_ms},
        },
    }


def _step(response: Any, outputs: dict[str, str]) -> dict[str, Any]:
    """One response: its text, its thinking, its calls with what they returned, its tokens."""
    usage = response.usage
    cached = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    step: dict[str, Any] = {
        "source": "agent",
        "message": "\n".join(block.text for block in response.content if block.type == "text"),
        "model_name": response.model,
        "llm_call_count": 1,
        "metrics": {
            "prompt_tokens": usage.input_tokens + cached + written,
            "completion_tokens": usage.output_tokens,
            "cached_tokens": cached,
        },
    }
    thoughts = [block.thinking for block in response.content if block.type == "thinking"]
    if thoughts:
        step["reasoning_content"] = "\n".join(thoughts)
    calls = [block for block in response.content if block.type == "tool_use"]
    if calls:
        step["tool_calls"] = [
            {"tool_call_id": call.id, "function_name": call.name, "arguments": call.input}
            for call in calls
        ]
        step["observation"] = {
            "results": [
                {"source_call_id": call_id, "content": output}
                for call_id, output in outputs.items()
            ]
        }
    return step


class AutoAgent(BaseAgent):
    """Harbor's view of the harness: runs one task and leaves its trajectory."""

    VERSION = "1.0.0"

    @staticmethod
    def name() -> str:
        """The harness's name in Harbor's records."""
        return "autoagent"

    def version(self) -> str:
        """The version of this adapter."""
        return self.VERSION

    async def setup(self, environment: BaseEnvironment) -> None:
        """Nothing to install: the client runs beside the environment."""

    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Run the task; the trajectory and the provider's own counts of tokens are left."""
        result, duration_ms = await run_task(environment, instruction)
        trajectory = to_atif(result, MODEL, duration_ms)
        (self.logs_dir / "trajectory.json").write_text(json.dumps(trajectory, indent=2))
        totals = trajectory["final_metrics"]
        context.n_input_tokens = totals["total_prompt_tokens"]
        context.n_output_tokens = totals["total_completion_tokens"]
        context.n_cache_tokens = totals["total_cached_tokens"]
        context.metadata = {"duration_ms": duration_ms}
