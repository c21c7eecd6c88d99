"""Values of the host's variables that tasks name: in nothing that a candidate or a reader gets.

They are where Harbor puts them, in the environment of a task's commands. What comes out of there
goes through here, and so does every file that a trial leaves.
"""

import mmap
import os
from pathlib import Path

from autoagent.gateway.calls.redact import Redactor
from autoagent.worker.engine import EvaluationSpec


def redactor_of(spec: EvaluationSpec) -> Redactor:
    """Knows the secrets that this worker was given for its tasks."""
    given = {name: os.environ[name] for name in spec.variables.prints if name in os.environ}
    return Redactor(spec.variables.secrets(given))


def clean(directory: Path, redactor: Redactor) -> None:
    """Mask the secrets in every file below a directory; no link is followed."""
    if not redactor.keys:
        return
    for place, _, names in os.walk(directory):
        for path in (Path(place, name) for name in names):
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                _mask(path, redactor)


def _mask(path: Path, redactor: Redactor) -> None:
    path.chmod(path.stat().st_mode | 0o600)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        for key in redactor.keys:
            at = data.find(key)
            while at >= 0:
                data[at : at + len(key)] = b"*" * len(key)
                at = data.find(key, at)
