# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A harness on OpenAI's client alone: a loop of chat completions and tool calls, in plain sight.

Most servers of models (vLLM, OpenRouter, Azure) speak this form.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext
from openai import AsyncOpenAI

SYSTEM_PROMPT = """Do what the instruction asks with the tools you have, and check the result."""
MODEL = "gpt-5"  # fixed, unless the human changes it
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
        "parameters": {
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
        messages: list[Any] = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": instruction},
        ]
        offered: list[Any] = [
            {"type": "function", "function": {"name": name, **told}}
            for name, (told, _) in self.tools.items()
        ]
        async with AsyncOpenAI() as client:
            for _ in range(MAX_TURNS):
                response = await client.chat.completions.create(
                    model=MODEL,
                    max_completion_tokens=MAX_TOKENS,
                    messages=messages,
                    tools=offered,
                )
                message: Any = response.choices[0].message
                calls: list[Any] = message.tool_calls or []
                outputs = await asyncio.gather(*(self.call(one.function) for one in calls))
                results = {one.id: output for one, output in zip(calls, outputs, strict=True)}
                self.turns.append((response, results))
                if not calls:
                    return
                messages.append(message)
                messages += [
                    {"role": "tool", "tool_call_id": call_id, "content": output}
                    for call_id, output in results.items()
                ]

    async def call(self, asked: Any) -> str:
        """Do one call; a failure is an answer for the model."""
        try:
            return await self.tools[asked.name][1](**json.loads(asked.arguments))
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
    """One response: its text, its calls with what they returned, its tokens."""
    message, usage = response.choices[0].message, response.usage
    details = usage.prompt_tokens_details
    step: dict[str, Any] = {
        "source": "agent",
        "message": message.content or "",
        "model_name": response.model,
        "llm_call_count": 1,
        "metrics": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cached_tokens": (details.cached_tokens if details else None) or 0,
        },
    }
    if message.tool_calls:
        step["tool_calls"] = [
            {
                "tool_call_id": call.id,
                "function_name": call.function.name,
                "arguments": _arguments(call.function.arguments),
            }
            for call in message.tool_calls
        ]
        step["observation"] = {
            "results": [
                {"source_call_id": call_id, "content": output}
                for call_id, output in outputs.items()
            ]
        }
    return step


def _arguments(given: str) -> dict[str, Any]:
    """A call's arguments; what is not a JSON object is kept as text."""
    try:
        arguments: Any = json.loads(given)
        return {**arguments}
    except (ValueError, TypeError):
        return {"text": given}


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
