"""A climb on the root workspace, with the STAND-IN in the place of gpt-5.

    uv run python bench/standin_climb.py [--keep DIRECTORY]

Everything but the model is real: the MCP server, the workers, the sandboxes, the OpenAI Agents
SDK, the gateway. The meta-agent is the script examples/glowup-climb/edits.toml. The figures show
that edits of agent.py move the score through all of that; they say nothing about a model, and
the dollars are what gpt-5 would have cost for as many tokens.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from autoagent.demo import demonstrate
from autoagent.script import Played
from autoagent.standin.rules import load_rules
from autoagent.standin.server import running

ROOT = Path(__file__).resolve().parent.parent
FILES = ("agent.py", "program.md", "autoagent.toml", "standin.toml", "Dockerfile.base")


def workspace(directory: Path, url: str) -> None:
    """The root's workspace and nothing else of the checkout, with the stand-in as its provider."""
    for name in FILES:
        shutil.copy(ROOT / name, directory / name)
    shutil.copytree(ROOT / "tasks", directory / "tasks")
    shutil.copy(ROOT / "examples/glowup-climb/edits.toml", directory / "edits.toml")
    with (directory / "autoagent.toml").open("a") as config:
        config.write(f'\n[gateway.openai]\nbase_url = "{url}/v1"\n')


def tell(step: Played) -> None:
    """One line for the baseline and for each edit."""
    score = f"{step.passed}/{step.expected}"
    print(f"{step.name:<12}{score:>7}  {step.verdict:<8}{step.why}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="where to play; must be empty")
    arguments = parser.parse_args()
    print("STAND-IN for gpt-5: no figure below says anything about a model")
    with (
        tempfile.TemporaryDirectory(prefix="glowup-") as source,
        running(load_rules(ROOT / "standin.toml")) as url,
    ):
        workspace(Path(source), url)
        found = demonstrate(arguments.keep, tell, example=Path(source))
    print(found.workspace.joinpath("results.tsv").read_text(), end="")
    print(f"STAND-IN: {found.baseline_passed} -> {found.final_passed} of {found.expected}")
    for problem in found.problems:
        print(f"FAILED {problem}")
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
