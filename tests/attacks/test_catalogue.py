"""The catalogue is played in sandboxes: what is planted, and a verifier that uses the tool.

Cases without an effect share a trial, beside the same trial with the weaker label, in which they
do have one: so each attack is live. Cases that are told have a trial each, and their verifier is
steered there. In the controls everything is the same, and nothing is planted.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from autoagent.environments.sandbox.sandbox import SandboxEnvironment
from autoagent.environments.trials import in_hand, trial_in_hand

from .catalogue import (
    BEGIN,
    DOCUMENT,
    END,
    IMAGES,
    Case,
    Ended,
    cases,
    environment_of,
    played,
    table,
)

pytestmark = pytest.mark.slow


def environment(place: Path, name: str, group: Sequence[Case], *, as_left: bool) -> Any:
    """A sandbox for a trial of that name."""
    return environment_of(
        SandboxEnvironment,
        place,
        name,
        group,
        as_left=as_left,
        images=str(place / "images"),
        scratch=str(place / "scratch"),
    )


@pytest.mark.attack("C6.6", ending="no effect", what="the catalogue: files that tools load")
@pytest.mark.attack("C7.6", ending="tampered", what="the catalogue: settings where it stands")
async def test_what_tools_load_unasked_is_not_the_candidates(tmp_path: Path) -> None:
    everywhere = [case for case in cases() if case.where != "docker"]
    chosen = [case for case in everywhere if case.here]
    missing = sorted({case.tool for case in everywhere} - {case.tool for case in chosen})
    print("not on this machine:", ", ".join(missing) or "none")  # noqa: T201
    two = asyncio.Semaphore(2)

    async def ended(
        name: str, group: Sequence[Case], *, plant: bool = True, as_left: bool = False
    ) -> Ended:
        async with two:
            sandbox = environment(tmp_path, name, group, as_left=as_left)
            return await played(sandbox, trial_in_hand(name), group, plant=plant)

    wanted: dict[str, Any] = {}
    for image in IMAGES:
        group = [case for case in chosen if case.image == image]
        quiet = [case for case in group if case.ends == "no effect"]
        wanted[f"control{image}"] = ended(f"control{image}", group, plant=False)
        wanted[f"quiet{image}"] = ended(f"quiet{image}", quiet)
        wanted[f"live{image}"] = ended(f"live{image}", quiet, as_left=True)
        for case in group:
            if case.ends == "tampered":
                wanted[f"told{case.number}"] = ended(f"told{case.number}", [case])
    found = dict(zip(wanted, await asyncio.gather(*wanted.values()), strict=True))
    in_hand.clear()

    for image in IMAGES:
        for name in (f"control{image}", f"quiet{image}"):
            fired = [case for case in chosen if case.number in found[name].fired]
            assert (found[name].said, fired) == (None, []), name
    live = {number for one in found.values() for number in one.fired}
    assert [case for case in chosen if case.number not in live] == []
    untold = [case for case in chosen if case.ends == "tampered"]
    assert [case for case in untold if not found[f"told{case.number}"].said] == []


def test_the_documents_have_the_catalogue() -> None:
    text = DOCUMENT.read_text()
    assert text[text.index(BEGIN) : text.index(END) + len(END)] == table()


def test_the_catalogue_has_every_tool() -> None:
    wanted = (
        "bash sh python pytest uv pip conda node npm git curl wget make cargo go java ruby perl"
    )
    assert {case.tool for case in cases()} >= {*wanted.split(), "sqlite3", "jq", "ld.so"}
