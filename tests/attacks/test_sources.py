"""Hostile files, through `commit_candidate`: refused, or stored with a warning."""

from pathlib import Path
from typing import Any

import pytest

from autoagent.worker.scripted import ScriptedEngine

from .sources import SOURCES, Source

Serving = Any  # conftest.py
SCRIPTED = {f"t{n}": [1.0] for n in range(1, 5)}


async def test_an_honest_edit_is_accepted_without_a_warning(
    serving: Serving, workspace: Path, harness_source: str
) -> None:
    """The control: what the attacks are refused for is not refused here."""
    async with serving(workspace, ScriptedEngine(SCRIPTED)) as caller:
        await caller.baseline()
        honest = harness_source.replace("MAX_TURNS = 3", "MAX_TURNS = 4\nNOTE = 'be brief'")
        (workspace / "agent.py").write_text(honest)
        reply = await caller.ask("commit_candidate", description="honest")
    assert reply["warnings"] == []


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[bool, str]]:
    """What the server said to each attack; all are made in one climb."""
    return {}


async def attempt(
    serving: Serving, workspace: Path, honest: str, answers: dict[str, tuple[bool, str]]
) -> None:
    async with serving(workspace, ScriptedEngine(SCRIPTED)) as caller:
        await caller.baseline()
        for attack in SOURCES:
            made = attack.make(honest)
            data = made if isinstance(made, bytes) else made.encode()
            assert data != honest.encode()
            (workspace / "agent.py").write_bytes(data)
            result = await caller.result("commit_candidate", description="x", dry_run=True)
            told = (result.structured_content or {}).get("warnings")
            text = "\n".join(told) if told is not None else result.content[0].text
            answers[attack.id] = (bool(result.is_error), text)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(
            attack,
            id=attack.id,
            marks=pytest.mark.attack(attack.id, ending=attack.ending, what=attack.what),
        )
        for attack in SOURCES
    ],
)
async def test_a_hostile_file_is_refused_or_flagged(
    serving: Serving,
    workspace: Path,
    harness_source: str,
    answers: dict[str, tuple[bool, str]],
    attack: Source,
) -> None:
    if not answers:
        await attempt(serving, workspace, harness_source, answers)
    refused, said = answers[attack.id]
    assert refused == (attack.ending == "refused"), said
    assert "agent.py:" in said
