"""An engine that replays given rewards: the test double, shipped with the package.

It appends the same events as a real worker, in the same order, so everything above
the engine's seam cannot tell the difference.
"""

from collections.abc import Mapping, Sequence

from autoagent.errors import InfrastructureFault
from autoagent.evidence.events import TrialFinished, TrialStarted, WorkerEnded
from autoagent.evidence.journal import Journal
from autoagent.gate.agenda import Slot
from autoagent.gate.contests import agenda_for
from autoagent.records import Outcome, Trial
from autoagent.worker.engine import EvaluationSpec, Isolation, WorkerEnd

Script = Mapping[str, Sequence[float | None]]
"""Rewards by task, one per attempt, the last one for all that follow; None is a void trial.

`side:task` is for another side of the evaluation. A missing task scores 0.
"""


class ScriptedEngine:
    """Plays one script per candidate evaluation, in the order they are started.

    The oracle passes and the no-op fails unless `oracle` or `noop` say otherwise.
    With `hold=True` an evaluation stays running until `release()` is called.
    """

    def __init__(
        self,
        *scripts: Script,
        oracle: Script | None = None,
        noop: Script | None = None,
        failed: Outcome = "failed",
        hold: bool = False,
        refuses: str | None = None,
        stand_in: bool = False,
        silent: bool = False,
        unanswered: bool = False,
        cost_usd: float | None = None,
    ) -> None:
        """Beyond the last script the last repeats.

        Args:
            scripts: Rewards of each candidate evaluation.
            oracle: Rewards of the tasks' own solutions.
            noop: Rewards of doing nothing.
            failed: The outcome of what did not pass.
            hold: Keep evaluations running until `release`.
            refuses: Why this machine can make no sandbox; None where it can.
            stand_in: Whether a stand-in answered in the place of a model.
            silent: Whether harnesses fail before their first call.
            unanswered: Whether models give no answer that can be used.
            cost_usd: What a gateway would meter for each trial of a harness.
        """
        self._scripts = list(scripts)
        self._oracle, self._noop = oracle, noop
        self.failed: Outcome = failed
        self._held: dict[str, EvaluationSpec] = {}
        self._assigned: dict[str, Script] = {}
        self._refuses, self._stand_in = refuses, stand_in
        self.silent, self.unanswered = silent, unanswered
        self.cost_usd = cost_usd
        self.hold = hold
        self.broken = self.stillborn = False
        """Set one, and no worker starts any more, or each dies before it does anything."""
        self.started: list[EvaluationSpec] = []

    def check(self, isolation: Isolation, environment: str) -> None:
        """Accept everything, or with `refuses` everything but to run unsandboxed."""
        if self._refuses is not None and isolation == "sandbox":
            raise InfrastructureFault(self._refuses, "run `autoagent doctor`")

    def check_tasks(self, environment: str, composed: Mapping[str, str]) -> None:
        """Accept everything."""

    def start(self, spec: EvaluationSpec) -> None:
        """Run the script at once, or hold it."""
        if self.broken:
            raise InfrastructureFault(f"The worker of {spec.id} was not started.")
        if spec.id not in self._assigned:
            self._assigned[spec.id] = self._script_for(spec)
        self.started.append(spec)
        if self.stillborn:
            return
        if self.hold and not spec.probes:
            self._held[spec.id] = spec
        else:
            self._play(spec, "complete")

    def alive(self, evaluation: str) -> bool:
        """Only a held evaluation is alive."""
        return evaluation in self._held

    def cancel(self, evaluation: str) -> None:
        """End a held evaluation without its trials."""
        spec = self._held.pop(evaluation, None)
        if spec is not None:
            self._end(spec, "cancelled")

    def release(self, evaluation: str | None = None) -> None:
        """Finish held evaluations."""
        for name in [evaluation] if evaluation else list(self._held):
            self._play(self._held.pop(name), "complete")

    def kill(self, evaluation: str) -> None:
        """Die as a killed worker does: trials started, nothing ended, no last event."""
        spec = self._held.pop(evaluation)
        journal = Journal(spec.journal)
        for task in spec.tasks:
            journal.append(_started(spec, Slot("", task.name, 1)), spec.id)
        journal.close()

    def _script_for(self, spec: EvaluationSpec) -> Script:
        if spec.running.kind == "oracle":
            return self._oracle or {task.name: [1.0] for task in spec.tasks}
        if spec.running.kind == "noop":
            return self._noop or {}
        script = self._scripts[0]
        if len(self._scripts) > 1:
            self._scripts.pop(0)
        return script

    def _play(self, spec: EvaluationSpec, end: WorkerEnd) -> None:
        """Run what is due, one trial at a time; void trials are not repeated."""
        script = self._assigned[spec.id]
        journal = Journal(spec.journal)
        agenda = agenda_for(spec.running)
        while due := agenda.due():
            for slot in due:
                trial = self._trial(spec, slot, script)
                journal.append(_started(spec, slot), spec.id)
                place = self._directory(spec, trial)
                journal.append(TrialFinished(trial=trial, directory=place), spec.id)
                agenda.note(trial)
                if agenda.pruned:
                    break
        if agenda.pruned:
            end = "pruned"
        journal.append(WorkerEnded(end=end), spec.id)
        journal.close()

    def _trial(self, spec: EvaluationSpec, slot: Slot, script: Script) -> Trial:
        name = f"{slot.side}:{slot.task}" if slot.side else slot.task
        rewards = list(script.get(name, [])) or [0.0]
        reward = rewards[min(slot.attempt, len(rewards)) - 1]
        return Trial(
            id=_started(spec, slot).trial,
            task=slot.task,
            attempt=slot.attempt,
            side=slot.side,
            outcome=self._outcome_of(reward, spec.config.benchmark.pass_reward),
            reward=reward,
            seconds=0.1,
            cost_usd=None if spec.probes else self.cost_usd,
            stand_in=self._stand_in and not spec.probes,
            silent=self.silent and not spec.probes,
            unanswered=self.unanswered and not spec.probes,
        )

    def _directory(self, spec: EvaluationSpec, trial: Trial) -> str:
        """Where a trial left its files; this double leaves none."""
        return ""

    def _outcome_of(self, reward: float | None, pass_reward: float) -> Outcome:
        if reward is None:
            return "void"
        if reward >= pass_reward:
            return "passed"
        return self.failed

    def _end(self, spec: EvaluationSpec, end: WorkerEnd) -> None:
        journal = Journal(spec.journal)
        journal.append(WorkerEnded(end=end), spec.id)
        journal.close()


def _started(spec: EvaluationSpec, slot: Slot) -> TrialStarted:
    side = f".{slot.side}" if slot.side else ""
    return TrialStarted(
        task=slot.task,
        attempt=slot.attempt,
        side=slot.side,
        trial=f"{spec.id}.{slot.task}.{slot.attempt}{side}",
        reserved_dollars=spec.reserved_dollars_per_trial,
    )
