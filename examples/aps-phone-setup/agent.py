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
Tool = Callable[..., Awaitable[Reply]]
Answer = tuple[str, dict[str, str]]  # a text, and the facts that it states, by the tool's options


def create_tools(environment: BaseEnvironment) -> dict[str, Tool]:
    """The ways to touch the task's environment: the support tool, and its reply to the customer."""

    async def aps(*words: str) -> Reply:
        """Call the support tool; its reply, or {"error": why}."""
        done = await environment.exec("/app/aps " + shlex.join(words))
        try:
            return json.loads(done.stdout or "")
        except ValueError:
            return {"error": "the support tool does not answer"}

    async def reply(customer: str, text: str, facts: dict[str, str]) -> Reply:
        """Give the customer this text to read, with its facts; once, as the last thing."""
        options = [f"--{name}={value}" for name, value in facts.items()]
        return await aps("reply", customer, f"--text={text}", *options)

    return {"aps": aps, "reply": reply}


@dataclass
class Agent:
    """Rules in the place of a model. `calls` keeps what was asked of the support tool."""

    tools: dict[str, Tool]
    calls: list[Reply] = field(default_factory=list)

    async def aps(self, *words: str) -> Reply:
        """Call the support tool, at most MAX_TURNS times."""
        if len(self.calls) >= MAX_TURNS:
            return {"error": "no turns left"}
        reply = await self.tools["aps"](*words)
        self.calls.append({"command": words, "reply": reply})
        return reply

    async def answer(self, line: str, message: str) -> Answer:
        """Follow the first procedure whose words are in the message."""
        for words, procedure in ROUTES:
            if re.search(words, message, re.IGNORECASE):
                return await procedure(self, line)
        return UNCLEAR

    async def reply(self, customer: str, answer: Answer) -> None:
        """Send the answer."""
        text, facts = answer
        reply = await self.tools["reply"](customer, text, facts)
        self.calls.append({"command": ("reply", customer, json.dumps(facts)), "reply": reply})


async def tell_esim(agent: Agent, line: str) -> Answer:
    """How to install the e-SIM that is ready."""
    profile = await agent.aps("esim", line)
    if "error" in profile:
        return UNCLEAR
    menu = await agent.aps("guide", "ios", "17", "esim")
    told = {"menu": menu["steps"], "server": profile["server"], "code": profile["code"]}
    text = "Go to {menu} and enter {server} and the code {code}.".format(**told)
    return text, {"outcome": "answered", **told}


async def tell_apn(agent: Agent, line: str) -> Answer:
    """Which access point to enter, and where."""
    facts = await agent.aps("line", line)
    phone = await agent.aps("device", facts.get("phone", ""))
    if "error" in phone:
        return UNCLEAR
    settings = await agent.aps("network", facts["network"])
    menu = await agent.aps("guide", phone["system"], "17", "apn")
    told = {"menu": menu["steps"], "apn": settings["apn"]}
    text = "Go to {menu} and enter the APN {apn}. Then restart the phone.".format(**told)
    return text, {"outcome": "answered", **told, "next": "restart"}


UNCLEAR = (
    "I want to help. Which system and version does the phone have, and what happens exactly?",
    {"outcome": "asked", "ask": "system, version, problem"},
)
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
    signed_in = re.search(r"Signed in: (\S+) \(line (\S+)\)", instruction)
    customer, line = signed_in.groups() if signed_in else ("nobody", "nobody's")
    message = " ".join(re.findall(r"^> ?(.*)$", instruction, re.MULTILINE))
    answer = await agent.answer(line, message)
    await agent.reply(customer, answer)
    result = {"instruction": instruction, "calls": agent.calls, "answer": answer[0]}
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
