"""What every environment of ours promises, and what it and the worker tell each other.

An environment knows which phase a trial is in: while the candidate acts, and after it.
What one learns about a trial is noted here by Harbor's name of the trial, because Harbor
makes the environments and hands nobody a reference to them.
"""

import re
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Literal

from harbor.environments.base import BaseEnvironment

if TYPE_CHECKING:  # only an evaluation with a judge waits for the gateway's imports
    from autoagent.benchmark.reach import Door

MakeDoor = Callable[[bool], "Door"]
"""Makes a way to the gateway, out of a network namespace of its own or not."""
Caller = Literal["trial", "verifier"]
"""On whose account a command calls a model; the gateway has a scope for each."""

MEMORY_MB = 2048
"""What a trial may use where its task does not say."""
PROCESSES = 1024
"""Processes and threads that the commands of a trial may be at a time."""
HARBORS_CHMOD = re.compile(r"chmod \+x ((?:/tests|/solution)/[\w./-]+)")
"""What Harbor asks for before it runs a script that it put there."""

faults: dict[str, str] = {}
"""What failed on our side, by trial: such a trial is void (rule R9)."""
tampered: dict[str, str] = {}
"""What the candidate did to the verification, by trial: such a trial scores 0."""
verified_in_place: set[str] = set()
"""Trials whose verifier ran where the candidate had acted, with less to be said for them."""
doors: dict[tuple[str, Caller], MakeDoor] = {}
"""How a trial's commands reach a model, by trial and caller, where they may."""


class RefereedEnvironment(BaseEnvironment):
    """A Harbor environment that knows when the candidate acts."""

    @abstractmethod
    def agent_phase(self) -> AbstractAsyncContextManager[None]:
        """While the candidate acts: what the verifier will read is out of its sight and reach.

        When the block is left, nothing that the candidate started is alive, and the verifier
        finds its own directories fresh.
        """
