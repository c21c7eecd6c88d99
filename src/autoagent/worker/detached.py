"""The real engine: one detached worker process per evaluation.

A client may end its server within half a second, so the worker has its own session and
holds a file lock for as long as it lives: whoever can take the lock knows it is gone.
"""

import atexit
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from autoagent.environments.kinds import kind_of
from autoagent.errors import InfrastructureFault
from autoagent.evidence.events import WorkerEnded
from autoagent.evidence.journal import Journal
from autoagent.files import process_facts
from autoagent.gateway.plan import worker_variables
from autoagent.worker.engine import EvaluationSpec, Isolation

LOCK_FD_VARIABLE = "AUTOAGENT_WORKER_LOCK_FD"
CANCEL_SECONDS = 10.0
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ")
"""The only variables of the server's environment a worker sees, but for its gateway's."""

_CHILDREN: dict[Path, subprocess.Popen[bytes]] = {}
"""Workers this process started, held so that their end is collected by nobody else."""


@atexit.register
def _let_go() -> None:
    """A worker outlives whoever started it; Python takes that for a mistake."""
    for child in _CHILDREN.values():
        if child.poll() is None:
            child.returncode = 0


class DetachedEngine:
    """Starts workers, tells whether they live, and ends them."""

    def __init__(self, directory: Path) -> None:
        """Evaluations have their directories below `directory`."""
        self._directory = directory
        self._cancelled_at: dict[str, float] = {}

    def check(self, isolation: Isolation, environment: str) -> None:
        """Refuse where sandboxes cannot be made, or nobody answers where tasks are to run.

        Raises:
            InfrastructureFault: Says why and what to change.
        """
        kind_of(environment).check(unsandboxed=isolation == "process")

    def check_tasks(self, environment: str, composed: Mapping[str, str]) -> None:
        """Refuse tasks that need `docker compose` or Windows where those are not.

        Raises:
            InfrastructureFault: Names the tasks, and says what is missing.
        """
        kind_of(environment).check_tasks(composed)

    def start(self, spec: EvaluationSpec) -> None:
        """Start a worker unless one is alive.

        Raises:
            InfrastructureFault: The process could not be started.
        """
        for ended in [place for place, child in _CHILDREN.items() if child.poll() is not None]:
            del _CHILDREN[ended]  # settled while it was at its very end; nobody asked again
        spec.directory.mkdir(parents=True, exist_ok=True)
        lock = self._try_lock(spec.id)
        if lock is None:
            return
        try:
            spec.store()
            environment = spec.variables.values(os.environ)  # none is of the worker's own
            environment |= {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
            environment |= {"HARBOR_TELEMETRY": "0", LOCK_FD_VARIABLE: str(lock)}
            environment["NO_COLOR"] = "1"
            environment |= kind_of(spec.environment).worker_variables(os.environ)
            if spec.gateway is not None:  # the keys go this way alone
                environment |= worker_variables(spec.gateway, os.environ)
            with (spec.directory / "worker.log").open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "autoagent.worker.worker", str(spec.directory)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=spec.directory,
                    pass_fds=[lock],
                    start_new_session=True,
                )
            _CHILDREN[spec.directory] = child
            (spec.directory / "worker.pid").write_text(str(child.pid))
        except OSError as error:
            raise InfrastructureFault(
                f"The worker of {spec.id} was not started: {error}.", "run_benchmark() again"
            ) from error
        finally:
            os.close(lock)

    def alive(self, evaluation: str) -> bool:
        """Whether the worker holds its lock; one that ended is collected, a stopped one goes on."""
        lock = self._try_lock(evaluation)
        if lock is None:
            self._wake(evaluation)
            return True
        os.close(lock)
        child = _CHILDREN.pop(self._directory / evaluation, None)
        if child is not None:
            child.wait()  # it gave up its lock, so it is at its very end
        return False

    def cancel(self, evaluation: str) -> None:
        """SIGTERM first; called again after a while, SIGKILL, and the end is written here."""
        if not self.alive(evaluation):
            return
        pid = int((self._directory / evaluation / "worker.pid").read_text())
        asked = self._cancelled_at.setdefault(evaluation, time.monotonic())
        late = time.monotonic() - asked > CANCEL_SECONDS
        try:
            os.killpg(pid, signal.SIGKILL) if late else os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        if late:
            journal = Journal(EvaluationSpec.load(self._directory / evaluation).journal)
            journal.append(WorkerEnded(end="cancelled"), evaluation)
            journal.close()

    def _wake(self, evaluation: str) -> None:
        """Let a worker go on that somebody stopped (SIGSTOP): nobody else would, and a night ends.

        Who holds the lock is the process whose number was written down.
        """
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._directory / evaluation / "worker.pid").read_text())
            if process_facts(pid)[:1] == ["T"]:
                os.killpg(pid, signal.SIGCONT)

    def _try_lock(self, evaluation: str) -> int | None:
        """The worker's lock, or None while a worker holds it."""
        directory = self._directory / evaluation
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            directory / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor
