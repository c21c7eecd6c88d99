# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A harness without a model: it runs the commands that an instruction shows.

Put a model where `Agent.solve` is; what a harness can reach is in the README of AutoAgent.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

SYSTEM_PROMPT = """Do what the instruction asks with the tools you have, and check the result."""
MODEL = "none"  # fixed, unless the human changes it
MAX_TURNS = 30

RunShell = Callable[[str], Awaitable[str]]


def create_tools(environment: BaseEnvironment) -> RunShell:
    """The one tool: a shell in the task's environment."""

    async def run_shell(command: str) -> str:
        """Run a shell command; what it printed, and its exit code where that is not 0."""
        done = await environment.exec(command, timeout_sec=120)
        failed = f"\nexit code {done.return_code}" if done.return_code else ""
        return f"{done.stdout or ''}{done.stderr or ''}{failed}"

    return run_shell


@dataclass
class Agent:
    """Solves one task. `calls` keeps each command with what it printed."""

    run_shell: RunShell
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def solve(self, instruction: str) -> str:
        """Run the instruction's commands in order, at most MAX_TURNS; the last word."""
        commands = re.findall(r"^```(?:bash|sh)\n(.*?)^```", instruction, re.DOTALL | re.MULTILINE)
        for command in commands[:MAX_TURNS]:
            self.calls.append((command, await self.run_shell(command)))
        return f"I ran {len(self.calls)} command(s)."


def create_agent(environment: BaseEnvironment) -> Agent:
    """An agent for one task."""
    return Agent(create_tools(environment))


async def run_task(environment: BaseEnvironment, instruction: str) -> tuple[dict[str, Any], int]:
    """Do one task; what happened, and how long it took in milliseconds."""
    started = time.monotonic()
    agent = create_agent(environment)
    answer = await agent.solve(instruction)
    result = {"instruction": instruction, "calls": agent.calls, "answer": answer}
    return result, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===
# Harbor's adapter and the trajectory. Nothing below this line changes.


def to_atif(result: dict[str, Any], model: str, duration_ms: int) -> dict[str, Any]:
    """One step for the instruction, one for each command with its output, one for the answer."""
    steps: list[dict[str, Any]] = [
        {"source": "system", "message": SYSTEM_PROMPT},
        {"source": "user", "message": result["instruction"]},
    ]
    for number, (command, output) in enumerate(result["calls"], start=1):
        call_id = f"call-{number}"
        call = {
            "tool_call_id": call_id,
            "function_name": "run_shell",
            "arguments": {"command": command},
        }
        observed = {"results": [{"source_call_id": call_id, "content": output}]}
        steps.append(
            {
                "source": "agent",
                "message": "",
                "llm_call_count": 0,
                "tool_calls": [call],
                "observation": observed,
            }
        )
    steps.append({"source": "agent", "message": result["answer"], "llm_call_count": 0})
    return {
        "schema_version": "ATIF-v1.7",
        "agent": {"name": AutoAgent.name(), "version": AutoAgent.VERSION, "model_name": model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        "final_metrics": {"total_steps": len(steps), "extra": {"duration_ms": duration_ms}},
    }


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
        """Nothing to install."""

    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Run the task. Tokens are unknown here, so the context's counts stay blank."""
        result, duration_ms = await run_task(environment, instruction)
        trajectory = to_atif(result, MODEL, duration_ms)
        (self.logs_dir / "trajectory.json").write_text(json.dumps(trajectory, indent=2))
        context.metadata = {"duration_ms": duration_ms}
