"""`autoagent night`: an agent that speaks ACP plays a climb while the human sleeps."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
from pydantic import ValidationError

from autoagent.commands.during.renew import renew
from autoagent.config import Night, wanted
from autoagent.errors import ConfigError
from autoagent.night.night import Prompts, play
from autoagent.night.standing import look
from autoagent.server.prompts import hillclimb, resume
from autoagent.workspace.layout import open_workspace


def night(root: Path, given: Mapping[str, str | None], show: Callable[[str], None]) -> int:
    """Play a night; what the process should exit with.

    Args:
        root: The workspace.
        given: Options that go before autoagent.toml's; None is not given.
        show: Is told, line by line, what happens.

    Raises:
        ConfigError: No agent is named, or an option is wrong.
        WorkspaceBusy: Another process is at this workspace.
    """
    workspace = open_workspace(root)
    options: dict[str, object] = {name: value for name, value in given.items() if value}
    if agent := given.get("agent"):
        options["agent"] = shlex.split(agent)
    try:
        terms = Night.model_validate(workspace.config.night.model_dump() | options)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise ConfigError(
            f"--{problem['loc'][0]} is {problem['input']!r}; {wanted(problem)}."
        ) from error
    if not terms.agent:
        raise ConfigError(
            "No agent is named. Give its command with --agent, or in autoagent.toml as "
            'agent = ["npx", "-y", "@agentclientprotocol/claude-agent-acp"] in [night].'
        )
    if look(workspace).position.phase == "finished":  # to start a night is the human's word
        show(renew(root))
    program = workspace.program.read_text("utf-8", errors="replace")

    def begin(tag: str) -> str:
        return f"{hillclimb(tag)}\n\nprogram.md:\n\n{program}"

    return anyio.run(play, workspace, terms, Prompts(begin, resume), show).code
