"""The fork server imports for all trials what an SDK would import in each."""

import subprocess
import sys

import pytest

from autoagent.commands.init import HARNESSES

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
