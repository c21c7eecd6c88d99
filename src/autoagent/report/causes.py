"""What fails in the same way is one cause, however many tasks it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoagent.evidence.causes import clusters
from autoagent.evidence.untrusted import one_line
from autoagent.report.played import Measured, Played
from autoagent.report.results import deciding

CHARACTERS = 160


@dataclass(frozen=True)
class Cause:
    """Tasks that a candidate fails in the same way."""

    what: str
    tasks: tuple[str, ...]


def causes(climb: Played, measured: Measured) -> tuple[Cause, ...]:
    """What an evaluation's candidate fails, by why, as `diagnose` has it.

    Nothing is quoted of verifiers that the climb's human wants hidden: the page may stand in the
    workspace, where the meta-agent is.
    """
    rules: Mapping[str, Any] = climb.started.config.get("benchmark") or {}
    shown = rules.get("verifier_output") != "hidden"
    found = clusters(deciding(measured), measured.directories, verifier_shown=shown)
    return tuple(
        Cause(
            f"{one.cause.what}: {one_line(one.cause.said, CHARACTERS)}".removesuffix(": "),
            tuple(sorted(one.tasks)),
        )
        for one in found
    )
