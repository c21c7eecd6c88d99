"""The worker: one process per evaluation, detached from the server that started it.

It runs Harbor over an explicit list of tasks from the snapshot and writes every trial
into the journal as it ends. Killed and started again, it re-runs only what was not
measured. SIGTERM stops it cleanly, and so does the gate's word that nothing that is left
can matter. It never decides anything.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import os
import signal
import sys
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import tomli
from harbor.job import Job
from harbor.models.job.config import JobConfig, RetryConfig
from harbor.models.trial.config import AgentConfig, EnvironmentConfig, TaskConfig
from harbor.trial.hooks import TrialEvent, TrialHookEvent

from autoagent.environments import refereed
from autoagent.environments.providers import is_provider
from autoagent.environments.refereed import Caller
from autoagent.environments.sandbox import bubblewrap, cgroups
from autoagent.errors import AutoAgentError, InfrastructureFault
from autoagent.evidence.events import (
    ModelRefused,
    TrialFinished,
    TrialLost,
    TrialStarted,
    WorkerEnded,
)
from autoagent.evidence.journal import Journal
from autoagent.gate.agenda import Slot
from autoagent.gate.contests import agenda_for
from autoagent.gateway.bill import Owner
from autoagent.worker.detached import LOCK_FD_VARIABLE, SPEC_FILE
from autoagent.worker.engine import EvaluationSpec, WorkerEnd
from autoagent.worker.harness import HarnessProcess
from autoagent.worker.memory import at_once
from autoagent.worker.outcomes import Seen, trial_of, unjudged
from autoagent.worker.proxy import ProxyAgent
from autoagent.worker.scratch import make_scratch, remove_scratch

if TYPE_CHECKING:
    from autoagent.gateway.gateway import Gateway

SANDBOXES = {
    "sandbox": "autoagent.environments.sandbox.sandbox:SandboxEnvironment",
    "process": "autoagent.environments.sandbox.process:ProcessEnvironment",
}
"""The sandbox environment, by `isolation`."""
ENDING_SECONDS = 120.0
"""How much later than our own Harbor's limit is: a container is judged and made anew meanwhile."""
DOCKER = "autoagent.environments.docker.choosing:Chosen"


class Worker:
    """One evaluation in progress."""

    def __init__(self, spec: EvaluationSpec) -> None:
        """Open the journal; what it holds of this evaluation is not run again."""
        self._spec = spec
        self._journal = Journal(spec.journal)
        self._agenda = agenda_for(spec.running, spec.void_retries)
        self._names = {str(task.path): task.name for task in spec.tasks}
        self._trials: dict[str, tuple[Slot, str]] = {}
        self._waiting: dict[str, deque[Slot]] = {}
        self._tries: defaultdict[Slot, int] = defaultdict(int)
        self._pruned = asyncio.Event()
        self._gateway: Gateway | None = None

    async def run(self) -> WorkerEnd:
        """Measure what is due, until nothing is; void trials are run again up to the cap (R9)."""
        spec = self._spec
        async with contextlib.AsyncExitStack() as stack:
            if spec.gateway is not None:
                self._gateway = self._make_gateway()
                await stack.enter_async_context(self._gateway.running())
            self._recover()
            while due := self._agenda.due():
                for side in {slot.side for slot in due} & (
                    spec.harnesses.keys() - ProxyAgent.processes.keys()
                ):
                    process = HarnessProcess(spec, side, self._gateway)
                    await stack.enter_async_context(process.running())
                    ProxyAgent.processes[side] = process
                await self._round(due)
                if self._gateway is not None and self._gateway.spent.is_set():
                    return "out_of_budget"
        return "pruned" if self._agenda.pruned else "complete"

    def _make_gateway(self) -> "Gateway":
        """The gateway of this evaluation; the keys leave this process's environment here."""
        from autoagent.gateway.gateway import Gateway
        from autoagent.gateway.redact import redact_logs

        plan = self._spec.gateway
        assert plan is not None
        names = {upstream.api_key_env for upstream in plan.upstreams.values()}
        keys = {name: value for name in names if (value := os.environ.pop(name, None))}
        gateway = Gateway(plan, self._spec.directory, keys, on_refused=self._on_refused)
        redact_logs(gateway.redactor)
        for model in gateway.unpriced:
            logging.warning("no price is known for %s: what it costs stays blank", model)
        return gateway

    def _on_refused(self, trial: str, model: str, path: str) -> None:
        """Another model was asked for: the journal remembers (threat A6)."""
        refused = ModelRefused(trial=trial, model=model, path=path)
        self._journal.append(refused, self._spec.id)

    def end(self, how: WorkerEnd) -> None:
        """The last event of a worker that was not killed."""
        self._journal.append(WorkerEnded(end=how), self._spec.id)
        self._journal.close()

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
        """One Harbor job over these trials, in this order; cut short when the rest is no use."""
        self._waiting = {task.name: deque() for task in self._spec.tasks}
        for slot in slots:
            self._waiting[slot.task].append(slot)
        job = await Job.create(self._job_config(slots))
        job.add_hook(TrialEvent.START, self._on_start)
        job.add_hook(TrialEvent.END, self._on_end)
        running = asyncio.create_task(job.run())
        stops = [asyncio.create_task(self._pruned.wait())]
        if self._gateway is not None:
            stops.append(asyncio.create_task(self._gateway.spent.wait()))
        try:
            await asyncio.wait({running, *stops}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (running, *stops):
                task.cancel()
            await asyncio.wait({running, *stops})
        if not running.cancelled():
            await running

    def _job_config(self, slots: Sequence[Slot]) -> JobConfig:
        spec = self._spec
        paths = {task.name: task.path for task in spec.tasks}
        if spec.running.kind in ("oracle", "noop"):
            agent = AgentConfig(name="oracle" if spec.running.kind == "oracle" else "nop")
        else:
            agent = AgentConfig(
                import_path="autoagent.worker.proxy:ProxyAgent",
                kwargs={"digest": spec.running.digest},
                override_timeout_sec=spec.trial_timeout_seconds + ENDING_SECONDS,
            )
        return JobConfig(
            job_name=self._job_name(),
            jobs_dir=spec.jobs,
            n_concurrent_trials=self._at_once(),
            quiet=True,
            retry=RetryConfig(max_retries=0),
            agents=[agent],
            environment=environment_of(spec),
            tasks=[TaskConfig(path=paths[slot.task]) for slot in slots],
        )

    def _at_once(self) -> int:
        """As many trials as are configured, and no more than the memory has room for."""
        wanted, spec = self._spec.concurrency, self._spec
        found = at_once(wanted, [task.path for task in spec.tasks], spec.environment)
        if found < wanted:
            logging.warning("concurrency = %d: the memory has room for %d", wanted, found)
        return found

    def _job_name(self) -> str:
        """A fresh directory for each round: Harbor would resume an old one."""
        name, count = self._spec.id, 1
        while (self._spec.jobs / name).exists():
            count += 1
            name = f"{self._spec.id}.round{count}"
        return name

    async def _on_start(self, event: TrialHookEvent) -> None:
        """Give the trial its slot and write its reservation down before it does anything (R10)."""
        if self._pruned.is_set():  # this round is being cancelled
            await asyncio.Future()
        task = self._names[str(event.config.task.path)]
        slot = self._waiting[task].popleft()
        self._tries[slot] += 1
        name = f"{self._spec.id}.{task}.{slot.attempt}"
        if slot.side:
            name += f".{slot.side}"
        if self._tries[slot] > 1:
            name += f".try{self._tries[slot]}"
        self._trials[event.trial_name] = (slot, name)
        ProxyAgent.sides[event.trial_name] = slot.side
        ProxyAgent.limits[event.trial_name] = self._limit(event.config.task.path)
        started = TrialStarted(
            task=task,
            attempt=slot.attempt,
            side=slot.side,
            trial=name,
            reserved_dollars=self._spec.reserved_dollars_per_trial,
        )
        self._journal.append(started, self._spec.id)
        if self._gateway is not None:
            owner = Owner(name, task, slot.attempt, self._spec.running.digest_of(slot.side))
            self._gateway.expect(event.trial_name, owner, self._directory(event))
            if self._gateway.judges:
                self._let_in(event.trial_name, "verifier")
            if self._gateway.serves_harness and self._spec.in_container:
                self._let_in(event.trial_name, "trial")

    async def _on_end(self, event: TrialHookEvent) -> None:
        """Write the trial down as soon as it ended; one cut short by us was lost, not measured."""
        if event.trial_name not in self._trials:  # it never started
            return
        slot, name = self._trials[event.trial_name]
        bill = self._gateway.bill(event.trial_name) if self._gateway else None
        for kind in get_args(Caller):
            refereed.doors.pop((event.trial_name, kind), None)
        failure = event.result.exception_info
        if failure is not None and failure.exception_type == "CancelledError":
            if bill is not None:
                lost = TrialLost(trial=name, cost_usd=bill.total_usd)
                self._journal.append(lost, self._spec.id)
            return
        directory = self._directory(event)
        seen = Seen(
            fault=refereed.faults.pop(event.trial_name, None),
            tampered=refereed.tampered.pop(event.trial_name, None),
            in_place=event.trial_name in refereed.verified_in_place,
            unjudged=unjudged(directory),
            bill=bill,
        )
        refereed.verified_in_place.discard(event.trial_name)
        trial = trial_of(event.result, name, slot, self._spec.pass_reward, seen)
        finished = TrialFinished(trial=trial, directory=str(directory))
        self._journal.append(finished, self._spec.id)
        self._agenda.note(trial)
        if self._agenda.pruned:
            self._pruned.set()

    def _let_in(self, trial: str, caller: Caller) -> None:
        """Let commands in a trial's environment reach a model: verifiers' or the harness's."""
        from autoagent.gateway.reach import Door

        assert self._gateway is not None
        make = functools.partial(Door, self._gateway, trial, caller)
        refereed.doors[trial, caller] = make

    def _limit(self, task: Path | None) -> float:
        """The task's own time for the harness, under the cap."""
        assert task is not None
        config = tomli.loads((task / "task.toml").read_text("utf-8"))
        told: float | None = config.get("agent", {}).get("timeout_sec")
        cap = self._spec.trial_timeout_seconds
        return cap if told is None else min(float(told), cap)

    def _directory(self, event: TrialHookEvent) -> Path:
        return self._spec.jobs / event.config.trials_dir.name / event.trial_name


def environment_of(spec: EvaluationSpec) -> EnvironmentConfig:
    """Where trials run, in Harbor's words."""
    scratch = str(spec.scratch)
    if spec.environment == "docker":
        kwargs = {
            "scratch": scratch,
            "state": str(spec.journal.parent),
            "evaluation": str(spec.directory),
            "climb": spec.climb,
            "in_place": [str(task.path) for task in spec.tasks if task.in_place],
        }
        return EnvironmentConfig(import_path=DOCKER, kwargs=kwargs)
    if is_provider(spec.environment):
        from autoagent.environments import harbor

        harbor.choose(spec.environment)
        return EnvironmentConfig(import_path=harbor.IMPORT_PATH, kwargs={"scratch": scratch})
    kwargs = {
        "images": str(spec.images),
        "scratch": scratch,
        "in_container": spec.in_container,
    }
    return EnvironmentConfig(import_path=SANDBOXES[spec.isolation], kwargs=kwargs)


async def _supervise(worker: Worker, spec: EvaluationSpec) -> WorkerEnd:
    """Run to the end, to the deadline, or to a SIGTERM, whichever is first."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(worker.run())
    stopping = asyncio.create_task(stop.wait())
    left = max(0.0, spec.running.deadline - time.time())
    await asyncio.wait({running, stopping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if running.done():
        return await running
    running.cancel()
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
    spec = EvaluationSpec.model_validate_json((directory / SPEC_FILE).read_bytes())
    bubblewrap.end_left(spec.scratch)  # by a worker that was killed
    make_scratch(spec.scratch)
    cgroups.sweep()
    worker = Worker(spec)
    try:
        _sweep_docker(spec)
        worker.end(asyncio.run(_supervise(worker, spec)))
    except (AutoAgentError, OSError) as fault:
        full = isinstance(fault, OSError) and fault.errno == errno.ENOSPC
        logging.exception("the worker stopped%s", ": the disk is full" if full else "")
        return 1
    finally:
        remove_scratch(spec.scratch)
        with contextlib.suppress(InfrastructureFault):  # the next worker, or `autoagent clean`
            _sweep_docker(spec)
    return 0


def _sweep_docker(spec: EvaluationSpec) -> None:
    """Remove what dead workers left in the daemon, whatever killed them."""
    if spec.environment == "docker":
        from autoagent.environments.docker import janitor

        for what in janitor.sweep(str(spec.journal.parent), str(spec.directory)):
            logging.warning("removed %s, which a dead worker left", what)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
