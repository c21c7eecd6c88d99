"""What every environment of ours promises: it knows which phase a trial is in.

The candidate acts, and then it does not any more. What an environment learns about its trial it
notes in the trial in hand.
"""

import asyncio
import contextlib
import errno
import re
from abc import abstractmethod
from collections.abc import Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from typing import Any

from harbor.environments.base import BaseEnvironment

from autoagent.environments.trials import TrialInHand, trial_in_hand
from autoagent.errors import InfrastructureFault

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
    """The candidate acts, or a later step of its task is being prepared."""
    _preparing = False

    @property
    def in_hand(self) -> TrialInHand:
        """The trial that this is the environment of."""
        return trial_in_hand(self.trial_paths.trial_dir.name)

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
        have been made to fail. A machine that is really broken fails the verifier as well; but no
        verifier follows on a step that could not be prepared.
        """
        try:
            yield
        except (InfrastructureFault, OSError) as fault:
            ours = not isinstance(fault, OSError) or fault.errno in MACHINE_ERRNOS
            if ours and (self._preparing or not self._acting):
                said = fault.message if isinstance(fault, InfrastructureFault) else str(fault)
                self.in_hand.fault = said
            raise
