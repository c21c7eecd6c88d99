"""Which libraries a harness can call its model with: each says hello through the gateway.

    .venv/bin/python bench/compatibility.py [--write] [LIBRARY ...]

For each library a throwaway environment is made with uv, with this checkout and the newest release
of the library in it, and a workspace whose harness asks the model by that library what command to
run, and runs it. `autoagent run` measures it: the task passes where the library's call went from a
sandbox through the gateway to the STAND-IN and back. `--write` writes each row into the table of
docs/compatibility.md.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from autoagent.gateway.standin.rules import load_rules
from autoagent.gateway.standin.server import running

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/compatibility.md"
HEAD = "| library | newest release | says hello | what it saw |\n|---|---|---|---|\n"
UV = shutil.which("uv") or str(ROOT / ".tools/bin/uv")

HARNESS = """\
# === EDITABLE SECTION ===
import asyncio
import time

from harbor.agents.base import BaseAgent
{imports}

MODEL = "{model}"


async def ask(prompt):
{ask}

async def run_task(environment, instruction):
    started = time.monotonic()
    said = await ask(instruction)
    await environment.exec(said)
    return said, int((time.monotonic() - started) * 1000)


# === FIXED ADAPTER BOUNDARY ===


class AutoAgent(BaseAgent):
    @staticmethod
    def name():
        return "hello"

    def version(self):
        return "1"

    async def setup(self, environment):
        pass

    async def run(self, instruction, environment, context):
        await run_task(environment, instruction)
"""
RULES = """\
[[fact]]
name = "command"
in = "instruction"
pattern = '^```(?:bash|sh)\\n([^`]+?)\\n```'

[[say]]
alone = true
text = "{command}"
"""


class Library(NamedTuple):
    """How a library is imported, and how it is asked; `packages` are what is installed."""

    imports: str
    ask: str
    model: str = "gpt-5"
    packages: tuple[str, ...] = ()


LIBRARIES = {
    "openai": Library(
        "from openai import AsyncOpenAI",
        "return (await AsyncOpenAI().responses.create(model=MODEL, input=prompt)).output_text",
    ),
    "anthropic": Library(
        "from anthropic import AsyncAnthropic",
        "talk = [{'role': 'user', 'content': prompt}]\n"
        "made = AsyncAnthropic().messages.create(model=MODEL, max_tokens=500, messages=talk)\n"
        "return (await made).content[0].text",
        model="claude-sonnet-4-5",
    ),
    "openai-agents": Library(
        "from agents import Agent, Runner",
        "return (await Runner.run(Agent(name='hello', model=MODEL), prompt)).final_output",
    ),
    "litellm": Library(
        "import litellm",
        "talk = [{'role': 'user', 'content': prompt}]\n"
        "made = await litellm.acompletion(model=MODEL, messages=talk)\n"
        "return made.choices[0].message.content",
    ),
    "langchain": Library(
        "from langchain_openai import ChatOpenAI",
        "return (await ChatOpenAI(model=MODEL).ainvoke(prompt)).content",
        packages=("langchain", "langchain-openai"),
    ),
    "pydantic-ai": Library(
        "from pydantic_ai import Agent",
        "return (await Agent(f'openai:{MODEL}').run(prompt)).output",
    ),
    "smolagents": Library(
        "from smolagents import OpenAIModel",
        "talk = [{'role': 'user', 'content': [{'type': 'text', 'text': prompt}]}]\n"
        "return (await asyncio.to_thread(OpenAIModel(MODEL), talk)).content",
        packages=("smolagents[openai]",),
    ),
    "dspy": Library(
        "import dspy",
        "model = dspy.LM(f'openai/{MODEL}', cache=False, max_tokens=16000, temperature=1.0)\n"
        "return (await asyncio.to_thread(model, prompt))[0]",
    ),
    "google-genai": Library(
        "from google import genai",
        "made = genai.Client(api_key='none').aio.models\n"
        "return (await made.generate_content(model=MODEL, contents=prompt)).text",
        model="gemini-2.5-pro",
    ),
}


def hello(name: str, library: Library, place: Path, url: str) -> tuple[str, str, str]:
    """A library's release, whether it says hello, and what was seen."""
    python = place / "venv/bin/python"
    run([UV, "venv", "--quiet", "--python", sys.executable, str(place / "venv")])
    packages = library.packages or (name,)
    run([UV, "pip", "install", "--quiet", "--python", str(python), str(ROOT), *packages])
    asked = f"import importlib.metadata as m; print(m.version({name!r}))"
    release = run([str(python), "-c", asked]).strip()
    workspace = place / "workspace"
    ours = [str(python), "-m", "autoagent"]
    run([*ours, "init", str(workspace)])
    ask = "\n".join(f"    {line}" for line in library.ask.splitlines())
    harness = HARNESS.format(imports=library.imports, ask=ask, model=library.model)
    (workspace / "agent.py").write_text(harness + "\n")
    with (workspace / "autoagent.toml").open("a") as rules:
        rules.write(f'\n[gateway.openai]\nbase_url = "{url}/v1"\n')
        rules.write(f'\n[gateway.anthropic]\nbase_url = "{url}"\n')
    toml = (workspace / "autoagent.toml").read_text()
    for table in ("openai", "anthropic"):  # once, where the template has it
        toml = toml.replace(f"[gateway.{table}]\n# base_url", "# base_url", 1)
    (workspace / "autoagent.toml").write_text(toml)
    said = run([*ours, "run", "--workspace", str(workspace)], check=False)
    if "1/1 passed" in said:
        return release, "yes", "a call, metered, and its answer"
    detail = re.search(r"hello +\w+ .*?\d+\.\d +(.*)", said)
    return release, "no", (detail[1] if detail else said.strip()[-200:]).strip().replace("|", "/")


def with_row(page: str, name: str, row: str) -> str:
    """The page with a library's row in the place of its old one, or as the table's last."""
    before, head, after = page.partition(HEAD)
    table, gap, rest = after.partition("\n\n")
    rows = [line for line in table.splitlines() if not line.startswith(f"| `{name}`")]
    return "".join(
        [before, head, *(f"{line}\n" for line in rows if line), row.rstrip(), gap or "\n", rest]
    )


def run(command: list[str], *, check: bool = True) -> str:
    """What a command printed."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, cwd=tempfile.gettempdir()
    )
    if check and done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("libraries", nargs="*", help=", ".join(LIBRARIES))
    parser.add_argument("--write", action="store_true", help="into docs/compatibility.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "standin.toml").write_text(RULES)
        with running(load_rules(Path(home) / "standin.toml")) as url:
            for name in arguments.libraries or LIBRARIES:
                place = Path(home) / name
                place.mkdir()
                row = f"| `{name}` | {' | '.join(hello(name, LIBRARIES[name], place, url))} |\n"
                print(row, end="", flush=True)
                shutil.rmtree(place)
                if arguments.write:
                    PAGE.write_text(with_row(PAGE.read_text(), name, row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
