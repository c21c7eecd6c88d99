"""One evaluation in progress: rounds of trials until nothing is due, each written down as it ends.

It runs Harbor over an explicit list of tasks from the snapshot. Started again after a kill, it
re-runs only what was not measured. It never decides anything: what is due is the gate's word, and
so is that nothing that is left can matter.
"""

import asyncio
import contextlib
import functools
import logging
import os
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from harbor.job import Job
from harbor.trial.hooks import TrialEvent, TrialHookEvent

from autoagent.environments.kinds import kind_of
from autoagent.environments.trials import in_hand
from autoagent.errors import AutoAgentError
from autoagent.evidence.answers import answers
from autoagent.evidence.events import (
    ModelAnswered,
    ModelRefused,
    ProviderOut,
    TrialFinished,
    TrialLost,
    TrialStarted,
    WorkerEnded,
)
from autoagent.evidence.journal import Journal
from autoagent.gate.agenda import Slot
from autoagent.gate.contests import agenda_for
from autoagent.gateway.calls.clock import Clock
from autoagent.gateway.calls.redact import redact_logs
from autoagent.gateway.money.usage import Bill, Caller, Owner
from autoagent.records import Trial
from autoagent.worker.acting.harness import HarnessProcess
from autoagent.worker.engine import EvaluationSpec, WorkerEnd
from autoagent.worker.job import job_of, seconds_of, steps_of
from autoagent.worker.outcomes import outcome_of
from autoagent.worker.pause import Pause
from autoagent.worker.scratch import sweep
from autoagent.worker.secrets import clean, redactor_of
from autoagent.worker.trials import MeasuredTrial, measured_trial

if TYPE_CHECKING:
    from autoagent.gateway.gateway import Gateway


ANSWERS_KEPT = 100
"""Names of models that a climb's journal tells; a provider may answer with any."""


class Rounds:
    """The rounds of one evaluation."""

    def __init__(self, spec: EvaluationSpec) -> None:
        """Open the journal; what it holds of this evaluation is not run again."""
        self._spec = spec
        self._journal = Journal(spec.journal)
        self._agenda = agenda_for(spec.running, spec.config.benchmark.void_retries)
        self._names = {str(task.path): task.name for task in spec.tasks}
        self._waiting: dict[str, deque[Slot]] = {}
        self._tries: defaultdict[Slot, int] = defaultdict(int)
        self._processes: dict[str, HarnessProcess] = {}
        self._pruned = asyncio.Event()
        kind = kind_of(spec.environment)
        self._pause = Pause(kind.trouble, functools.partial(self._on_outage, kind.name))
        self._gateway: Gateway | None = None
        self._answers = set(answers(self._journal))
        self._redactor = redactor_of(spec)
        redact_logs(self._redactor)

    async def run(self) -> WorkerEnd:
        """Measure what is due, until nothing is; void trials are run again up to the cap (R9)."""
        async with contextlib.AsyncExitStack() as stack:
            if self._spec.gateway is not None:
                self._gateway = self._make_gateway()
                await stack.enter_async_context(self._gateway.running())
            self._recover()
            await self._pause.over()
            await asyncio.to_thread(sweep, self._spec)
            while due := self._agenda.due():
                await self._pause.over()
                for side in {slot.side for slot in due}:
                    if side in self._spec.harnesses and side not in self._processes:
                        process = HarnessProcess(self._spec, side, self._gateway)
                        await stack.enter_async_context(process.running())
                        self._processes[side] = process
                await self._round(due)
                if self._gateway is not None and self._gateway.spent.is_set():
                    return "out_of_budget"
        return "pruned" if self._agenda.pruned else "complete"

    def seconds_left(self) -> float:
        """Until the deadline, by the journal's clock, which nobody sets back."""
        return max(0.0, self._spec.running.deadline - self._journal.now())

    def end(self, how: WorkerEnd) -> None:
        """The last event of a worker that was not killed."""
        self._journal.append(WorkerEnded(end=how), self._spec.id)
        self._journal.close()

    def _make_gateway(self) -> "Gateway":
        """The gateway of this evaluation; the keys leave this process's environment here."""
        from autoagent.gateway.gateway import Gateway

        plan = self._spec.gateway
        assert plan is not None
        names = {upstream.api_key_env for upstream in plan.upstreams.values()}
        keys = {name: value for name in names if (value := os.environ.get(name))}
        for name in {*keys} - {*self._spec.variables.prints}:  # a verifier may have been given it
            del os.environ[name]
        gateway = Gateway(
            plan,
            self._spec.directory,
            keys,
            on_refused=self._on_refused,
            on_outage=self._on_outage,
            on_answered=self._on_answered,
        )
        redact_logs(gateway.redactor)
        for model in gateway.unpriced:
            logging.warning("no price is known for %s: what it costs stays blank", model)
        return gateway

    def _on_refused(self, trial: str, model: str, path: str) -> None:
        """Another model was asked for: the journal remembers (threat A6)."""
        refused = ModelRefused(trial=trial, model=model, path=path)
        self._journal.append(refused, self._spec.id)

    def _on_answered(self, asked: str, answered: str) -> None:
        """What model an answer names, once in a climb for each name: it may be another one."""
        if (asked, answered) not in self._answers and len(self._answers) < ANSWERS_KEPT:
            self._answers.add((asked, answered))
            named = ModelAnswered(model=asked, answered_by=answered)
            self._journal.append(named, self._spec.id)

    def _on_outage(self, provider: str, cause: str) -> None:
        """A provider, or where trials run, went out or is back: no trial begins, and why."""
        self._journal.append(ProviderOut(provider=provider, cause=cause), self._spec.id)

    def _recover(self) -> None:
        """Trials an earlier worker started and never ended are lost; their charge stands."""
        journal, evaluation = self._journal, self._spec.id
        open_trials: dict[str, Slot] = {}
        for entry in journal.about(evaluation, TrialStarted):
            started = entry.event
            slot = Slot(started.side, started.task, started.attempt)
            self._tries[slot] += 1
            open_trials[started.trial] = slot
        for trial in (entry.event.trial for entry in journal.about(evaluation, TrialFinished)):
            open_trials.pop(trial.id, None)
            self._agenda.note(trial)
        for entry in journal.about(evaluation, TrialLost):
            open_trials.pop(entry.event.trial, None)
        for name in open_trials:
            spent = self._gateway.spent_before(name) if self._gateway else None
            journal.append(TrialLost(trial=name, cost_usd=spent), evaluation)

    async def _round(self, slots: Sequence[Slot]) -> None:
        """Run these trials, in this order; one that Harbor cannot even make is void by itself.

        Harbor raises then, and takes down the job with all that runs in it; so what was not
        measured runs again, each in a job of its own.
        """
        try:
            await self._job(slots)
        except Exception as error:
            if isinstance(cause := _cause(error), AutoAgentError | OSError):
                raise
            logging.warning("Harbor ended a job", exc_info=error)
            for name in [name for name in in_hand if measured_trial(name)]:
                self._lose(cast("MeasuredTrial", in_hand.pop(name)), None)
            if len(slots) > 1:
                due = {*self._agenda.due()}
                for slot in slots:
                    if slot in due and not self._agenda.pruned:
                        await self._round([slot])
            elif self._waiting[slots[0].task]:
                self._void(self._waiting[slots[0].task].popleft(), cause)
            else:
                raise

    async def _job(self, slots: Sequence[Slot]) -> None:
        """One job of Harbor's; cut short when the rest is no use."""
        self._waiting = {task.name: deque() for task in self._spec.tasks}
        for slot in slots:
            self._waiting[slot.task].append(slot)
        job = await Job.create(job_of(self._spec, slots))
        job.add_hook(TrialEvent.START, self._on_start)
        job.add_hook(TrialEvent.END, self._on_end)
        running = asyncio.create_task(job.run())
        stops = [asyncio.create_task(self._pruned.wait())]
        if self._gateway is not None:
            stops.append(asyncio.create_task(self._gateway.spent.wait()))
        try:
            await asyncio.wait({running, *stops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Cancelled, a job still ends its trials and tells of each: it is waited for, always.
            for task in (running, *stops):
                task.cancel()
            await asyncio.wait({running, *stops})
        if not running.cancelled():
            await running

    async def _on_start(self, event: TrialHookEvent) -> None:
        """Give the trial its slot and write its reservation down before it does anything (R10)."""
        if self._pruned.is_set():  # this round is being cancelled, and this wait with it
            await asyncio.Future()
        await self._pause.over()
        if self._gateway is not None:
            await self._gateway.back()
        path = event.config.task.path
        assert path is not None
        slot = self._waiting[self._names[str(path)]].popleft()
        trial = MeasuredTrial(
            id=self._start(slot),
            slot=slot,
            directory=self._spec.jobs / event.config.trials_dir.name / event.trial_name,
            limit_seconds=seconds_of(self._spec, path),
            steps=steps_of(self._spec, path),
            process=self._processes.get(slot.side),
            clock=Clock(commands_count=not self._spec.config.harness.in_container),
        )
        in_hand[event.trial_name] = trial
        self._let_in(event.trial_name, trial)

    def _start(self, slot: Slot) -> str:
        """Write down that the trial starts; its id."""
        self._tries[slot] += 1
        started = TrialStarted(
            task=slot.task,
            attempt=slot.attempt,
            side=slot.side,
            trial=self._id_of(slot),
            reserved_dollars=self._spec.reserved_dollars_per_trial,
        )
        self._journal.append(started, self._spec.id)
        return started.trial

    def _void(self, slot: Slot, why: BaseException) -> None:
        """A trial that could not be made: nothing of it ran, and nothing was measured (R9)."""
        trial = Trial(
            id=self._start(slot),
            task=slot.task,
            attempt=slot.attempt,
            side=slot.side,
            outcome="void",
            reward=None,
            cost_usd=0.0,
            detail=self._redactor.text(f"{type(why).__name__}: {why}")[:500],
        )
        nowhere = str(self._spec.jobs / trial.id)
        self._journal.append(TrialFinished(trial=trial, directory=nowhere), self._spec.id)
        self._agenda.note(trial)

    async def _on_end(self, event: TrialHookEvent) -> None:
        """Write the trial down as soon as it ended; one cut short by us was lost, not measured."""
        trial = measured_trial(event.trial_name)
        if trial is None:  # it never started
            return
        bill = self._gateway.bill(event.trial_name) if self._gateway else None
        del in_hand[event.trial_name]
        clean(trial.directory, self._redactor)  # at once: a cancel must not come in between
        failure = event.result.exception_info
        if failure is not None and failure.exception_type == "CancelledError":
            self._lose(trial, bill)
            return
        ended = outcome_of(event.result, trial, self._spec.config.benchmark, bill)
        ended = ended.replace(detail=self._redactor.text(ended.detail))
        finished = TrialFinished(trial=ended, directory=str(trial.directory))
        self._journal.append(finished, self._spec.id)
        self._agenda.note(ended)
        if self._agenda.pruned:
            self._pruned.set()

    def _lose(self, trial: MeasuredTrial, bill: Bill | None) -> None:
        """Write down what it cost; without a gateway the next worker, or the referee, says so."""
        if bill is not None:
            lost = TrialLost(trial=trial.id, cost_usd=bill.total_usd)
            self._journal.append(lost, self._spec.id)

    def _id_of(self, slot: Slot) -> str:
        side = f".{slot.side}" if slot.side else ""
        again = f".try{self._tries[slot]}" if self._tries[slot] > 1 else ""
        return f"{self._spec.id}.{slot.task}.{slot.attempt}{side}{again}"

    def _let_in(self, name: str, trial: MeasuredTrial) -> None:
        """Let a trial's commands reach a model: verifiers' and the harness's, where they may."""
        if self._gateway is None:
            return
        from autoagent.gateway.reach import Door

        digest = self._spec.running.digest_of(trial.slot.side)
        owner = Owner(trial.id, trial.slot.task, trial.slot.attempt, digest)
        self._gateway.expect(name, owner, trial.directory, trial.clock)
        callers: list[Caller] = ["verifier"] if self._gateway.judges else []
        if self._gateway.serves_harness and self._spec.config.harness.in_container:
            callers.append("trial")
        for caller in callers:
            trial.doors[caller] = functools.partial(Door, self._gateway, name, caller)


def _cause(error: BaseException) -> BaseException:
    """The first that is no group of others."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseException", error.exceptions[0])  # pyright: ignore[reportUnknownMemberType]
    return error
