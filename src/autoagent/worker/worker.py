"""The worker: one process per evaluation, detached from the server that started it.

SIGTERM stops it cleanly, and so does its deadline. What it does meanwhile is `rounds`'.
"""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import sys
import tempfile
from pathlib import Path

from autoagent.environments.sandbox import bubblewrap, cgroups
from autoagent.errors import AutoAgentError, InfrastructureFault
from autoagent.worker.detached import LOCK_FD_VARIABLE
from autoagent.worker.engine import EvaluationSpec, WorkerEnd
from autoagent.worker.job import remember_exclusions
from autoagent.worker.rounds import Rounds
from autoagent.worker.scratch import make_scratch, remove_scratch, sweep


async def _supervise(rounds: Rounds) -> WorkerEnd:
    """Run to the end, to the deadline, or to a SIGTERM, whichever is first."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(rounds.run())
    stopping = asyncio.create_task(stop.wait())
    left = rounds.seconds_left()
    await asyncio.wait({running, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        return await running
    running.cancel()  # and waited for: every trial is told of before the worker says that it ended
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return "cancelled" if stop.is_set() else "out_of_time"


def main(directory: Path) -> int:
    """Run the evaluation described in `directory`.

    Returns:
        The exit status: 0 when the journal says how it ended, 1 when the machine failed.
    """
    os.set_inheritable(int(os.environ[LOCK_FD_VARIABLE]), False)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    spec = EvaluationSpec.load(directory)
    bubblewrap.end_left(spec.scratch)  # by a worker that was killed
    make_scratch(spec.scratch)
    # What is copied for a harness lies where its trials do: on a disk of its own that is full, the
    # copy would fail, and the candidate with it, while its verifier went well (rule R9).
    tempfile.tempdir = str(spec.scratch.resolve())
    cgroups.sweep()
    remember_exclusions()
    rounds = Rounds(spec)
    try:
        rounds.end(asyncio.run(_supervise(rounds)))
    except (AutoAgentError, OSError) as fault:
        full = isinstance(fault, OSError) and fault.errno == errno.ENOSPC
        logging.exception("the worker stopped%s", ": the disk is full" if full else "")
        return 1
    finally:
        remove_scratch(spec.scratch)
        with contextlib.suppress(InfrastructureFault):  # the next worker, or `autoagent clean`
            sweep(spec)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
