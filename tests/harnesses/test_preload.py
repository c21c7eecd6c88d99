"""The fork server imports for all trials what an SDK would import in each."""

import subprocess
import sys

import pytest

from autoagent.commands.before.init import HARNESSES

PRELOADED = """
import sys
from pathlib import Path
from autoagent.environments.sandbox.inside import zygote
zygote.preload(Path(sys.argv[1]))
print("no" if set(sys.argv[2:]) - set(sys.modules) else "yes")
"""


@pytest.mark.parametrize(
    ("template", "late"),
    [
        ("openai", ("agents", "openai.resources.responses.responses", "httpcore2")),
        ("chat", ("openai.resources.chat.completions.completions", "httpcore2")),
        ("anthropic", ("anthropic.resources.messages.messages", "httpcore2")),
    ],
)
def test_what_a_first_call_would_import_is_there_before_it(
    template: str, late: tuple[str, ...]
) -> None:
    command = [sys.executable, "-c", PRELOADED, str(HARNESSES / f"{template}.py"), *late]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "yes\n"


CONSTRUCTED = """
import sys
from pathlib import Path
from autoagent.environments.sandbox.inside import zygote
zygote.preload(Path(sys.argv[1]))
from harbor.agents.nop import NopAgent
for name in ("openai/gpt-5", "gpt-5"):
    agent = NopAgent(logs_dir=Path("/"), model_name=name)
    print(agent._parsed_model_provider, agent._parsed_model_name)
print("litellm" in sys.modules)
"""


def test_an_agents_constructor_does_not_wait_for_litellm() -> None:
    """Harbor 0.25 asks it for a model's provider: ten seconds and a download, in every trial."""
    command = [sys.executable, "-c", CONSTRUCTED, str(HARNESSES / "plain.py")]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "openai gpt-5\nNone gpt-5\nFalse\n"
