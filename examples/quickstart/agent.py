# === EDITABLE SECTION ===
# The meta-agent changes everything from here down to the boundary.
"""A support desk for Lumen without a model: rules pick a procedure, procedures call tools."""

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

SYSTEM_PROMPT = """You are on the support desk of Lumen, a photo app that is paid with credits.
Look a fact up before you state it. Be friendly and short."""
MODEL = "rules"  # fixed, unless the human changes it
MAX_TURNS = 12

Reply = dict[str, Any]
Said = tuple[str, Reply]  # what the customer reads, and the facts that it states
Tool = Callable[..., Awaitable[Any]]


def create_tools(environment: BaseEnvironment) -> dict[str, Tool]:
    """The two ways to touch the task's environment: to ask the tool, and to answer by it."""

    async def lumen(*words: str) -> Reply:
        """Call the support tool; its reply, or {"error": why}."""
        for _ in range(3):
            done = await environment.exec("/app/lumen " + shlex.join(words))
            try:
                return json.loads(done.stdout or "")
            except ValueError:
                continue
        return {"error": "the support tool does not answer"}

    async def reply(user: str, text: str, facts: Reply) -> Reply:
        """Send the customer this text, with the facts that it states."""
        stated = [f"--{name}={value}" for name, value in facts.items()]
        return await lumen("reply", user, "--text", text, *stated)

    return {"lumen": lumen, "reply": reply}


@dataclass
class Agent:
    """Rules in the place of a model. `calls` keeps what was asked of the support tool."""

    tools: dict[str, Tool]
    calls: list[Reply] = field(default_factory=list)

    async def lumen(self, *words: str) -> Reply:
        """Call the support tool, at most MAX_TURNS times in all."""
        if len(self.calls) >= MAX_TURNS:
            return {"error": "no turns left"}
        reply = await self.tools["lumen"](*words)
        self.calls.append({"command": words, "reply": reply})
        return reply

    async def reply_to(self, user: str, message: str) -> Said:
        """Follow the first procedure whose words are in the message."""
        for words, procedure in ROUTES:
            if re.search(words, message, re.IGNORECASE):
                return await procedure(self, user, message)
        return UNCLEAR


async def tell_credits(agent: Agent, user: str, message: str) -> Said:
    """How many credits there are, and what they are good for."""
    balance = await agent.lumen("credits", user)
    count = balance.get("credits", 0)
    text = f"You have {count} credits. Use them to enhance, restore or upscale your photos."
    return text, {"outcome": "answered", "credits": count, "uses": "enhance, restore, upscale"}


async def tell_price(agent: Agent, user: str, message: str) -> Said:
    """What a feature costs, in the words of its help article."""
    article = await agent.lumen("search", message)
    price = re.search(r"costs (\d+) credits", article.get("text", ""))
    return (article["text"], {"outcome": "answered", "price": price[1]}) if price else UNCLEAR


UNCLEAR = (
    "I want to help, but need a little more. What did you do, and what happened then?",
    {"outcome": "asked", "ask": "problem"},
)
ROUTES = [
    (r"credit", tell_credits),
    (r"how much|cost|price", tell_price),
]


def polish(text: str) -> str:
    """Start with a capital, end with a full stop, keep single spaces."""
    words = " ".join(text.split())
    if words and words[0].islower():
        words = words[0].upper() + words[1:]
    if words and words[-1] not in ".?!":
        words = words + "."
    return words


def create_agent(environment: BaseEnvironment) -> Agent:
    """An agent for one message."""
    return Agent(create_tools(environment))


async def run_task(environment: BaseEnvironment, instruction: str) -> tuple[Reply, int]:
    """Answer the message that the instruction quotes; the result, and how long it took in ms."""
    started = time.monotonic()
    agent = create_agent(environment)
    signed_in = re.search(r"Signed in: (\S+)", instruction)
    user = signed_in.group(1) if signed_in else "nobody"
    message = " ".join(re.findall(r"^> ?(.*)$", instruction, re.MULTILINE))
    text, facts = await agent.reply_to(user, message)
    answer = polish(text)
    sent = await agent.tools["reply"](user, answer, facts)
    agent.calls.append({"command": ("reply", json.dumps(facts)), "reply": sent})
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
                        "function_name": "lumen",
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
