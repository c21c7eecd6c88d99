"""A trial in hand as the worker knows it: whose attempt it is, and the process that runs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoagent.environments.trials import TrialInHand, in_hand
from autoagent.gate.agenda import Slot
from autoagent.gateway.calls.clock import Clock
from autoagent.worker.acting.harness import HarnessProcess
from autoagent.workspace.tasks.steps import STEPS


@dataclass(kw_only=True)
class MeasuredTrial(TrialInHand):
    """One trial of the evaluation, from Harbor's start of it to its end.

    Attributes:
        id: Its name in the journal.
        slot: Its side, task and attempt.
        directory: Harbor's, of the trial.
        limit_seconds: The time that the harness has, in this step if there are several.
        steps: The task's, each with its time; none where it has no steps.
        begun: How many of them the harness was started for.
        clock: How much of it is used.
        process: Runs the harness of its side; None where none runs.
    """

    id: str
    slot: Slot
    directory: Path
    limit_seconds: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict[str, float])
    begun: int = 0
    clock: Clock = field(default_factory=Clock)
    process: HarnessProcess | None = None

    def begin(self) -> Path:
        """The harness is about to be started; the directory that is this step's, or the trial's."""
        if not self.steps:
            return self.directory
        name = [*self.steps][self.begun]
        self.begun += 1
        self.limit_seconds = self.steps[name]
        return self.directory / STEPS / name


def measured_trial(name: str) -> MeasuredTrial | None:
    """The trial of Harbor's name, if this worker has it in hand."""
    trial = in_hand.get(name)
    return trial if isinstance(trial, MeasuredTrial) else None
