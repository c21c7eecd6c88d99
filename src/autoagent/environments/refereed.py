"""What every environment of ours promises, and what it and the worker tell each other.

An environment knows which phase a trial is in: while the candidate acts, and after it.
What one learns about a trial is noted here by Harbor's name of the trial, because Harbor
makes the environments and hands nobody a reference to them.
"""

import asyncio
import contextlib
import errno
import re
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal

from harbor.environments.base import BaseEnvironment

from autoagent.errors import InfrastructureFault

if TYPE_CHECKING:  # only an evaluation with a judge waits for the gateway's imports
    from autoagent.gateway.reach import Door

MakeDoor = Callable[[int | None], "Door"]
"""Makes a way to the gateway, from a port of a loopback of its own or from the machine's."""
Caller = Literal["trial", "verifier"]
"""On whose account a command calls a model; the gateway has a scope for each."""

MEMORY_MB = 2048
"""What a trial may use where its task does not say."""
PROCESSES = 1024
"""Processes and threads that the commands of a trial may be at a time."""
HARBORS_CHMOD = re.compile(r"chmod \+x ((?:/tests|/solution)/[\w./-]+)")
"""What Harbor asks for before it runs a script that it put there."""
MACHINE_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EAGAIN,
    errno.EIO,
    errno.EROFS,
}
"""Errors that say the machine is at its end, not that a path was wrong."""

faults: dict[str, str] = {}
"""What failed on our side, by trial: such a trial is void (rule R9)."""
tampered: dict[str, str] = {}
"""What the candidate did to the verification, by trial: such a trial scores 0."""
verified_in_place: set[str] = set()
"""Trials whose verifier ran where the candidate had acted, with less to be said for them."""
verified_as_left: set[str] = set()
"""Trials whose verifier started with what the candidate left at home, because the task needs it."""
doors: dict[tuple[str, Caller], MakeDoor] = {}
"""How a trial's commands reach a model, by trial and caller, where they may."""


async def to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await what has to be done before the verifier starts, cancelled or not.

    A cancel comes through when it is done: Harbor may go on to verify then, and never beside it.
    """
    ending = asyncio.ensure_future(work)
    try:
        await asyncio.wait({ending})
    finally:
        while not ending.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({ending})
        ending.result()


class RefereedEnvironment(BaseEnvironment):
    """A Harbor environment that knows when the candidate acts."""

    _acting = False

    @abstractmethod
    def agent_phase(self) -> AbstractAsyncContextManager[None]:
        """While the candidate acts: what the verifier will read is out of its sight and reach.

        When the block is left, nothing that the candidate started is alive, and the verifier
        finds its own directories fresh.
        """

    @contextlib.contextmanager
    def _our_faults(self) -> Generator[None]:
        """Remember what fails on our side, so that the trial is void and not 0 (rule R9).

        Not while the candidate acts: a call that fails is its answer then, because it could
        have been made to fail. A machine that is really broken fails the verifier as well.
        """
        try:
            yield
        except (InfrastructureFault, OSError) as fault:
            ours = not isinstance(fault, OSError) or fault.errno in MACHINE_ERRNOS
            if ours and not self._acting:
                said = fault.message if isinstance(fault, InfrastructureFault) else str(fault)
                faults[self.trial_paths.trial_dir.name] = said
            raise
