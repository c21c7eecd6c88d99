"""What keeps a task from running, and where it would run all the same: a record, not a phrase."""

from typing import Literal, NamedTuple

Need = Literal["containers", "provider", "steps"]
"""What an environment must have for a task: containers, a provider that enforces hosts, or that
what a step's verifier has is out of the next step's sight and reach."""
Given = frozenset[Need]
"""What tasks can have in the environment that they are to run in."""

NEEDS_DOCKER = 'needs environment = "docker"'
"""What a person is told of a problem that needs containers."""


class Problem(NamedTuple):
    """Why a task cannot run, beginning with the file; in an environment with `needs` it can."""

    sentence: str
    needs: Need | None = None
