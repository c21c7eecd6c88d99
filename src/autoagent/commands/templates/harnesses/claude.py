# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A harness on the Claude Agent SDK: Claude Code, in the task's environment.

This file runs twice. Beside the environment only the adapter at its end acts, and starts the
file in `/app` of the environment, where `in_container = true` in autoagent.toml puts it. What
is above the boundary acts there, and Claude Code's own tools with it.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    ResultMessage,
    SdkMcpTool,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
    create_sdk_mcp_server,
)
from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

SYSTEM_PROMPT = """Do what the instruction asks; the task's files are in /app. Check the result."""
MODEL = "claude-sonnet-5"  # fixed, unless the human changes it
MAX_TURNS = 30
MAX_TOKENS = 2048  # of one answer, thinking included: what a call may cost follows from it
BUILT_IN = ["Bash", "Read", "Write", "Edit", "Glob", "Grep"]  # Claude Code's own tools
NOTES = Path(__file__).parent / ".agent"  # its CLAUDE.md and .claude/skills are the project's


def create_tools() -> list[SdkMcpTool[Any]]:
    """Tools besides Claude Code's own: functions under the SDK's `@tool`; they run in here too."""
    return []


def create_agent() -> ClaudeSDKClient:
    """A client for one task; add sub-agents here with `agents=`."""
    tools = create_tools()
    return ClaudeSDKClient(
        ClaudeAgentOptions(
            system_prompt=SYSTEM_PROMPT,
            model=MODEL,
            max_turns=MAX_TURNS,
            tools=BUILT_IN,
            mcp_servers={"task": create_sdk_mcp_server("task", tools=tools)} if tools else {},
            permission_mode="bypassPermissions",
            strict_mcp_config=True,
            setting_sources=["project"],
            cwd=NOTES if NOTES.is_dir() else None,
            env={
                "CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(MAX_TOKENS),
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
                "IS_SANDBOX": "1",  # it refuses to skip permissions as root elsewhere
            },
        )
    )


async def run_task(instruction: str) -> tuple[list[Any], int]:
    """Do one task; the SDK's messages, and how long it took in milliseconds."""
    started = time.monotonic()
    messages: list[Any] = [UserMessage(content=instruction)]
    async with create_agent() as client:
        await client.query(instruction)
        messages += [message async for message in client.receive_response()]
    return messages, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===
# Harbor's adapter and the trajectory. Nothing below this line changes.

IN_CONTAINER = f"/app/{Path(__file__).name}"
LOGS = "/logs/agent"


def to_atif(result: list[Any], model: str, duration_ms: int) -> dict[str, Any]:
    """One step for the prompt and the instruction, then one for each of the model's responses.

    The SDK delivers a response block by block; blocks with one message id are one step. The
    totals are the SDK's own, with those of sub-agents.
    """
    outputs = {
        block.tool_use_id: _text(block.content)
        for message in result
        if isinstance(message, UserMessage) and not isinstance(message.content, str)
        for block in message.content
        if isinstance(block, ToolResultBlock)
    }
    responses: dict[Any, list[AssistantMessage]] = {}
    for message in result:
        if isinstance(message, AssistantMessage):
            responses.setdefault(message.message_id or id(message), []).append(message)
    steps: list[dict[str, Any]] = [
        {"source": "system", "message": SYSTEM_PROMPT},
        {"source": "user", "message": result[0].content},
    ]
    steps += [_step(parts, outputs) for parts in responses.values()]
    ends = [message for message in result if isinstance(message, ResultMessage)]
    total = _tokens(ends[-1].usage if ends else None)
    return {
        "schema_version": "ATIF-v1.7",
        "agent": {"name": AutoAgent.name(), "version": AutoAgent.VERSION, "model_name": model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        "final_metrics": {
            "total_prompt_tokens": total["prompt_tokens"],
            "total_completion_tokens": total["completion_tokens"],
            "total_cached_tokens": total["cached_tokens"],
            "total_steps": len(steps),
            "extra": {"duration_ms": duration_ms, "ended": ends[-1].subtype if ends else "cut off"},
        },
    }


def _step(parts: list[AssistantMessage], outputs: dict[str, str]) -> dict[str, Any]:
    """One response: its text, its thinking, its calls with what they returned, what it read."""
    blocks = [block for part in parts for block in part.content]
    step: dict[str, Any] = {
        "source": "agent",
        "message": "\n".join(block.text for block in blocks if isinstance(block, TextBlock)),
        "model_name": parts[-1].model,
        "llm_call_count": 1,
        "metrics": {**_tokens(parts[-1].usage), "completion_tokens": None},  # as of its start
    }
    thoughts = [block.thinking for block in blocks if isinstance(block, ThinkingBlock)]
    if thoughts:
        step["reasoning_content"] = "\n".join(thoughts)
    calls = [block for block in blocks if isinstance(block, ToolUseBlock)]
    if calls:
        step["tool_calls"] = [
            {"tool_call_id": call.id, "function_name": call.name, "arguments": call.input}
            for call in calls
        ]
        answered = [call.id for call in calls if call.id in outputs]
        results = [{"source_call_id": i, "content": outputs[i]} for i in answered]
        step["observation"] = {"results": results}
    return step


def _tokens(usage: dict[str, Any] | None) -> dict[str, int | None]:
    """Counts in the provider's words, as ATIF has them; None where there are none."""
    if usage is None:
        return {"prompt_tokens": None, "completion_tokens": None, "cached_tokens": None}
    cached = usage.get("cache_read_input_tokens") or 0
    written = usage.get("cache_creation_input_tokens") or 0
    return {
        "prompt_tokens": usage.get("input_tokens", 0) + cached + written,
        "completion_tokens": usage.get("output_tokens", 0),
        "cached_tokens": cached,
    }


def _text(content: Any) -> str:
    """The text of a tool's result."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(str(part.get("text", "")) for part in content)


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
        """Refuse to start where this file is not in the environment."""
        if not await environment.is_file(IN_CONTAINER):
            raise RuntimeError(
                f"{IN_CONTAINER} is not in the task's environment. Set `in_container = true` "
                "below [harness] in autoagent.toml."
            )

    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Start this file in the environment; its trajectory and the SDK's own counts are left."""
        given, left = self.logs_dir / "instruction.md", self.logs_dir / "trajectory.json"
        given.write_text(instruction)
        await environment.upload_file(given, f"{LOGS}/instruction.md")
        paths = f"{IN_CONTAINER} {LOGS}/instruction.md {LOGS}/trajectory.json"
        done = await environment.exec(f"cd /app && python3 {paths}")
        (self.logs_dir / "container.log").write_text(f"{done.stdout or ''}{done.stderr or ''}")
        if done.return_code:
            said = (done.stderr or done.stdout or "").strip()[-1000:]
            raise RuntimeError(f"{IN_CONTAINER} ended with {done.return_code}: {said}")
        await environment.download_file(f"{LOGS}/trajectory.json", left)
        totals = json.loads(left.read_text())["final_metrics"]
        context.n_input_tokens = totals["total_prompt_tokens"]
        context.n_output_tokens = totals["total_completion_tokens"]
        context.n_cache_tokens = totals["total_cached_tokens"]
        context.metadata = {"duration_ms": totals["extra"]["duration_ms"]}


def main(instruction: Path, trajectory: Path) -> None:
    """What runs in the environment: the task, then its trajectory."""
    result, duration_ms = asyncio.run(run_task(instruction.read_text()))
    trajectory.write_text(json.dumps(to_atif(result, MODEL, duration_ms), indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
