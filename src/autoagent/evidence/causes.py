"""Why trials failed, as far as outcomes, last calls and verifiers' last words tell; and clusters.

Cheap and the same every time, for the human's page and for the meta-agent's `diagnose`. What a
cause quotes is untrusted; where the human hides what verifiers print, none of it is read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from autoagent.evidence import trajectory
from autoagent.evidence.failure import last_failure
from autoagent.records import Glimpse, Trial

READ_BYTES = 4096
LAST_CALLS = 6
FEW_CALLS = 1
EXAMINED = 100
"""Failing trials whose files are read; the others are told by their outcome."""
ALONE = 5
"""Wordings of one cause that are told apart; where there are more, they are one cluster."""
_NO_FILE = re.compile(r"No such file|FileNotFound|does not exist|not found|missing", re.I)
_VARYING = re.compile(r"""(['"`]).*?\1|/[\w./-]+|0x[0-9a-f]+|\d+(?:\.\d+)?""", re.I)


class Cause(NamedTuple):
    """Why: in our words, and in the trial's own. `alike` is the same for what varies in details."""

    what: str
    said: str = ""

    @property
    def alike(self) -> tuple[str, str]:
        """By what causes are clustered: numbers, paths and what is quoted may differ."""
        return self.what, _VARYING.sub("#", self.said)


@dataclass(frozen=True)
class Cluster[T: Trial | Glimpse]:
    """Trials that failed for one cause; it says nothing of its own where their words differ."""

    cause: Cause
    trials: tuple[T, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Theirs, each once."""
        return tuple(dict.fromkeys(trial.task for trial in self.trials))


def clusters[T: Trial | Glimpse](
    trials: Sequence[T], directories: Mapping[str, str], *, verifier_shown: bool
) -> list[Cluster[T]]:
    """Those that did not pass, by why; the cause of most of them first.

    Args:
        trials: Of an evaluation.
        directories: Harbor's, by a trial's id.
        verifier_shown: Whether what verifiers print may be read.
    """
    failing = [trial for trial in trials if trial.outcome != "passed"]
    places = [Path(directories.get(trial.id, "")) for trial in failing[:EXAMINED]]
    places += [Path()] * (len(failing) - len(places))
    causes = [
        cause_of(trial, place, verifier_shown=verifier_shown)
        for trial, place in zip(failing, places, strict=True)
    ]
    wordings: dict[str, set[tuple[str, str]]] = {}
    for cause in causes:
        wordings.setdefault(cause.what, set()).add(cause.alike)
    found: dict[tuple[str, str], tuple[Cause, list[T]]] = {}
    for trial, cause in zip(failing, causes, strict=True):
        if len(wordings[cause.what]) > ALONE:
            cause = Cause(cause.what)
        found.setdefault(cause.alike, (cause, []))[1].append(trial)
    every = [Cluster(cause, tuple(those)) for cause, those in found.values()]
    return sorted(every, key=lambda c: (-len(c.trials), c.cause.what, c.trials[0].id))


def cause_of(trial: Trial | Glimpse, directory: Path, *, verifier_shown: bool) -> Cause:
    """Why a trial did not pass."""
    match trial.outcome:
        case "tampered":
            return Cause("tampered with its verifier", trial.detail)
        case "void":
            return Cause("measured nothing", trial.detail)
        case "invalid":
            return Cause("verifier error: no reward", trial.detail)
        case "timeout":
            return Cause("timeout before its first call" if trial.silent else "timeout")
        case "crashed":
            what = "no usable answer of its model" if trial.unanswered else "crashed"
            return Cause(what, trial.detail)
        case _:
            return _failed(trial, directory, verifier_shown)


def _failed(trial: Trial | Glimpse, directory: Path, verifier_shown: bool) -> Cause:
    """A trial that ran to its end and was not good enough."""
    calls = trajectory.last_calls(directory, READ_BYTES, LAST_CALLS)
    whole = (trajectory.size_of(directory, record=True) or 0) <= READ_BYTES
    bad = [call for call in calls if call.failed]
    if len(calls) > FEW_CALLS and 2 * len(bad) > len(calls):
        return Cause("tool errors", bad[-1].acts.results[0])
    printed = trajectory.verifier_output(directory, READ_BYTES) if verifier_shown else ""
    said = last_failure(printed)
    if calls and whole and len(calls) <= FEW_CALLS:
        return Cause(f"gave up after {len(calls)} call", said)
    if _NO_FILE.search(said):
        return Cause("left no answer where the verifier looks", said)
    return Cause("partly right" if trial.reward else "wrong answer", said)
