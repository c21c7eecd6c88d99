# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A harness on the OpenAI Agents SDK: one agent with a shell in the task's environment."""

import json
import time
from collections.abc import Iterable
from typing import Any

from agents import Agent, ModelSettings, Runner, function_tool, set_tracing_disabled
from agents.exceptions import MaxTurnsExceeded
from agents.tool import FunctionTool
from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

SYSTEM_PROMPT = """Do what the instruction asks with the tools you have, and check the result."""
MODEL = "gpt-5"  # fixed, unless the human changes it
MAX_TURNS = 30
MAX_TOKENS = 2048  # of one answer, thinking included: what a call may cost follows from it


def create_tools(environment: BaseEnvironment) -> list[FunctionTool]:
    """The tools of the agent; the model reads their names, docstrings and types."""

    @function_tool
    async def run_shell(command: str) -> str:
        """Run a shell command in the task's environment; what it printed, and how it failed.

        Args:
            command: One command line for bash.
        """
        done = await environment.exec(command, timeout_sec=120)
        failed = f"\nexit code {done.return_code}" if done.return_code else ""
        return f"{done.stdout or ''}{done.stderr or ''}{failed}"

    return [run_shell]


def create_agent(environment: BaseEnvironment) -> Agent:
    """An agent for one task; add sub-agents here with handoffs or `agent.as_tool()`."""
    return Agent(
        name="autoagent",
        instructions=SYSTEM_PROMPT,
        tools=[*create_tools(environment)],
        model=MODEL,
        model_settings=ModelSettings(max_tokens=MAX_TOKENS),
    )


async def run_task(environment: BaseEnvironment, instruction: str) -> tuple[Any, int]:
    """Do one task; the SDK's result, and how long it took in milliseconds."""
    started = time.monotonic()
    agent = create_agent(environment)
    try:
        result = await Runner.run(agent, input=instruction, max_turns=MAX_TURNS)
    except MaxTurnsExceeded as error:  # what was done by then is still measured
        result = error.run_data
    return result, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===
# Harbor's adapter and the trajectory. Nothing below this line changes.

set_tracing_disabled(True)  # it would send every run elsewhere


def to_atif(result: Any, model: str, duration_ms: int) -> dict[str, Any]:
    """One step for the prompt and the instruction, then one for each of the model's responses.

    A step's tokens are its response's; the totals are the run's, with those of agents that
    were used as tools.
    """
    outputs = {
        call_id: str(item.output)
        for item in result.new_items
        if item.type == "tool_call_output_item" and (call_id := _field(item.raw_item, "call_id"))
    }
    steps: list[dict[str, Any]] = [
        {"source": "system", "message": SYSTEM_PROMPT},
        {"source": "user", "message": _text(result.input)},
    ]
    steps += [_step(response, model, outputs) for response in result.raw_responses]
    usage = result.context_wrapper.usage
    return {
        "schema_version": "ATIF-v1.7",
        "agent": {"name": AutoAgent.name(), "version": AutoAgent.VERSION, "model_name": model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        "final_metrics": {
            "total_prompt_tokens": usage.input_tokens,
            "total_completion_tokens": usage.output_tokens,
            "total_cached_tokens": usage.input_tokens_details.cached_tokens or 0,
            "total_steps": len(steps),
            "extra": {"duration_ms": duration_ms, "requests": usage.requests},
        },
    }


def _step(response: Any, model: str, outputs: dict[str, str]) -> dict[str, Any]:
    """One response: its text, its reasoning, its calls with what they returned, its tokens."""
    calls = [item for item in response.output if _field(item, "type") == "function_call"]
    texts = [
        _text(_field(item, "content"))
        for item in response.output
        if _field(item, "type") == "message"
    ]
    thoughts = [
        _text(_field(item, "summary"))
        for item in response.output
        if _field(item, "type") == "reasoning"
    ]
    step: dict[str, Any] = {
        "source": "agent",
        "message": "\n".join(texts),
        "model_name": model,
        "llm_call_count": 1,
        "metrics": {
            "prompt_tokens": response.usage.input_tokens,
            "completion_tokens": response.usage.output_tokens,
            "cached_tokens": response.usage.input_tokens_details.cached_tokens or 0,
        },
    }
    if any(thoughts):
        step["reasoning_content"] = "\n".join(thoughts)
    if calls:
        step["tool_calls"] = [
            {
                "tool_call_id": _field(call, "call_id"),
                "function_name": _field(call, "name"),
                "arguments": _arguments(_field(call, "arguments")),
            }
            for call in calls
        ]
        ids = [_field(call, "call_id") for call in calls]
        results = [{"source_call_id": i, "content": outputs[i]} for i in ids if i in outputs]
        step["observation"] = {"results": results}
    return step


def _field(item: Any, name: str) -> Any:
    """A field of one of the SDK's items, which are objects or dictionaries."""
    return getattr(item, name, None) if hasattr(item, "__dict__") else item.get(name)


def _text(content: Any) -> str:
    """The text of a message, a summary or an input, whatever it is made of."""
    if content is None or isinstance(content, str):
        return content or ""
    parts: Iterable[Any] = content
    return "\n".join(_field(part, "text") or _text(_field(part, "content")) for part in parts)


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
        """Nothing to install: the SDK runs beside the environment."""

    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Run the task; the trajectory and the SDK's own counts of tokens are left."""
        result, duration_ms = await run_task(environment, instruction)
        trajectory = to_atif(result, MODEL, duration_ms)
        (self.logs_dir / "trajectory.json").write_text(json.dumps(trajectory, indent=2))
        totals = trajectory["final_metrics"]
        context.n_input_tokens = totals["total_prompt_tokens"]
        context.n_output_tokens = totals["total_completion_tokens"]
        context.n_cache_tokens = totals["total_cached_tokens"]
        context.metadata = {"duration_ms": duration_ms}
