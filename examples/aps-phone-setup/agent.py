# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A phone desk for APS without a model: a message has a topic, a topic has a procedure."""

import json
import re
import shlex
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from harbor.agents.base import BaseAgent
from harbor.environments.base import BaseEnvironment
from harbor.models.agent.context import AgentContext

SYSTEM_PROMPT = """You are on the phone desk of APS, a mobile operator.
Look a setting up before you tell it. Write menus as the guide does."""
MODEL = "rules"  # fixed, unless the human changes it
MAX_TURNS = 12

Reply = dict[str, Any]
Tool = Callable[..., Awaitable[Any]]


def create_tools(environment: BaseEnvironment) -> dict[str, Tool]:
    """The two ways to touch the task's environment."""

    async def aps(*words: str) -> Reply:
        """Call the support tool; its reply, or {"error": why}."""
        done = await environment.exec("/app/aps " + shlex.join(words))
        try:
            return json.loads(done.stdout or "")
        except ValueError:
            return {"error": "the support tool does not answer"}

    async def write_answer(text: str) -> None:
        """Give the customer this text to read."""
        await environment.exec(f"printf '%s\\n' {shlex.quote(text)} > /app/answer.txt")

    return {"aps": aps, "write_answer": write_answer}


@dataclass
class Agent:
    """Rules in the place of a model. `calls` keeps what was asked of the support tool."""

    tools: dict[str, Tool]
    calls: list[Reply] = field(default_factory=list)

    async def aps(self, *words: str) -> Reply:
        """Call the support tool, at most MAX_TURNS times in all."""
        if len(self.calls) >= MAX_TURNS:
            return {"error": "no turns left"}
        reply = await self.tools["aps"](*words)
        self.calls.append({"command": words, "reply": reply})
        return reply

    async def reply_to(self, line: str, message: str) -> str:
        """Follow the first procedure whose words are in the message."""
        for words, procedure in ROUTES:
            if re.search(words, message, re.IGNORECASE):
                return await procedure(self, line)
        return UNCLEAR


async def tell_esim(agent: Agent, line: str) -> str:
    """How to install the e-SIM that is ready."""
    profile = await agent.aps("esim", line)
    if "error" in profile:
        return UNCLEAR
    menu = await agent.aps("guide", "ios", "17", "esim")
    return f"Go to {menu['steps']} and enter {profile['server']} and the code {profile['code']}."


async def tell_apn(agent: Agent, line: str) -> str:
    """Which access point to enter, and where."""
    facts = await agent.aps("line", line)
    phone = await agent.aps("device", facts.get("phone", ""))
    if "error" in phone:
        return UNCLEAR
    settings = await agent.aps("network", facts["network"])
    menu = await agent.aps("guide", phone["system"], "17", "apn")
    return f"Go to {menu['steps']} and enter the APN {settings['apn']}. Then restart the phone."


UNCLEAR = "I want to help. Which system and version does the phone have, and what happens exactly?"
ROUTES = [
    (r"e-?sim", tell_esim),
    (r"internet|online|access point", tell_apn),
]


def create_agent(environment: BaseEnvironment) -> Agent:
    """An agent for one message."""
    return Agent(create_tools(environment))


async def run_task(environment: BaseEnvironment, instruction: str) -> tuple[Reply, int]:
    """Answer the message that the instruction quotes; the result, and how long it took in ms."""
    started = time.monotonic()
    agent = create_agent(environment)
    signed_in = re.search(r"Signed in: .*\(line (\S+)\)", instruction)
    line = signed_in.group(1) if signed_in else "nobody's"
    message = " ".join(re.findall(r"^> ?(.*)$", instruction, re.MULTILINE))
    answer = await agent.reply_to(line, message)
    await agent.tools["write_answer"](answer)
    result = {"instruction": instruction, "calls": agent.calls, "answer": answer}
    return result, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===
# Harbor's adapter and the trajectory. Nothing below this line changes.


def to_atif(result: dict[str, Any], model: str, duration_ms: int) -> dict[str, Any]:
    """One step for the message, one for each call with its reply, one for the answer."""
    steps: list[dict[str, Any]] = [
        {"source": "system", "message": SYSTEM_PROMPT},
        {"source": "user", "message": result["instruction"]},
    ]
    for number, call in enumerate(result["calls"], start=1):
        call_id = f"call-{number}"
        command = " ".join(call["command"])
        steps.append(
            {
                "source": "agent",
                "message": "",
                "llm_call_count": 0,
                "tool_calls": [
                    {
                        "tool_call_id": call_id,
                        "function_name": "aps",
                        "arguments": {"command": command},
                    }
                ],
                "observation": {
                    "results": [{"source_call_id": call_id, "content": json.dumps(call["reply"])}]
                },
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
        """Nothing to install: the harness is Python, and the support tool is in the image."""

    async def run(
        self, instruction: str, environment: BaseEnvironment, context: AgentContext
    ) -> None:
        """Run the task. Rules use no tokens, so the context's counts stay unknown."""
        result, duration_ms = await run_task(environment, instruction)
        trajectory = to_atif(result, MODEL, duration_ms)
        (self.logs_dir / "trajectory.json").write_text(json.dumps(trajectory, indent=2))
        context.metadata = {"duration_ms": duration_ms}
