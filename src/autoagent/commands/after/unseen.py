"""`autoagent try`: champion and baseline on a case that no task has, beside each other.

Both run like any trial: isolated, on the climb's pinned model, metered, within its caps. Nothing is
judged and no climb hears of it: it has a state directory of its own, as `autoagent run` has.
"""

import json
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from autoagent.commands.after.verify import journal_of
from autoagent.commands.during.run import OnLook, measure, own_state
from autoagent.config import Config
from autoagent.errors import UnknownName, WorkspaceError
from autoagent.evidence import trajectory
from autoagent.evidence.journal import Journal
from autoagent.evidence.trial_files import CALLS_FILE, parts_of
from autoagent.evidence.untrusted import clip, one_line, plain
from autoagent.files import read_regular
from autoagent.gate.certificate import BASELINE
from autoagent.gateway.ready import model_row
from autoagent.records import Candidate, Running, Side, Trial
from autoagent.referee.evaluations import deciding_trials, trial_of
from autoagent.report.candidate import champion
from autoagent.report.costs import costs
from autoagent.report.played import Played, last_climb
from autoagent.worker.detached import DetachedEngine
from autoagent.worker.engine import EvaluationSpec
from autoagent.workspace.git.projection import Projection
from autoagent.workspace.layout import Workspace, open_workspace
from autoagent.workspace.tasks import snapshot
from autoagent.workspace.tasks.building.shelf import copy_images
from autoagent.workspace.tasks.skeleton import write_like
from autoagent.workspace.tasks.snapshot import TaskFacts
from autoagent.workspace.tasks.task_files import copy_base

NAME = "unseen-case"
RECORD = "try.json"
WORDS = 1500
"""Characters of an answer that are shown."""
CALLS = 6
"""Calls of a harness that are shown, the last ones."""
CALL = 160
RECORD_BYTES = 16 * 1024 * 1024
_UNJUDGED = b"#!/bin/bash\necho 0 > /logs/verifier/reward.txt  # nobody judges a try\n"


@dataclass(frozen=True)
class Answer:
    """What one side did: its trial, what it said last, and its last calls of `called` in all.

    Words and calls are untrusted text.
    """

    side: str
    commit: str
    trial: Trial
    words: str
    calls: tuple[str, ...]
    called: int


@dataclass(frozen=True)
class Try:
    """A case that both sides were given; `number` names its directory below `runs/`."""

    number: int
    question: str
    like: str
    answers: tuple[Answer, ...]
    jobs: Path


class Unseen:
    """Champion and baseline of the last climb, and an environment to try them in."""

    def __init__(self, root: Path, like: str | None) -> None:
        """Read the climb; nothing runs yet.

        Args:
            root: The workspace.
            like: The task whose environment a case has; by default the climb's first.

        Raises:
            WorkspaceError: No climb was started here, or its snapshot was changed.
            UnknownName: The climb has no such task.
            ConfigError: The model cannot be called.
        """
        outer = open_workspace(root)
        with journal_of(outer) as journal:
            self._climb: Played = last_climb(journal)
        started = self._climb.started
        config = Config.model_validate(started.config) if started.config else outer.config
        self._outer: Workspace = outer.replace(config=config)
        self._frozen = snapshot.load(outer, started.snapshot)
        self.like: TaskFacts = _chosen(self._climb, self._frozen.tasks, like)
        self.sides: dict[str, Candidate] = {"champion": champion(self._climb)}
        if self.sides["champion"] != started.baseline:
            self.sides[BASELINE] = started.baseline
        if (outer.stop_file).exists():
            raise WorkspaceError(f"{outer.stop_file} asks for nothing to run. Remove it.")
        self.model = model_row(config, started.model, outer.root)[0]

    @property
    def price(self) -> str:
        """What a case will cost, by what trials of these harnesses cost in the climb."""
        expected = 0.0
        for candidate in self.sides.values():
            found = costs(
                trial
                for one in self._climb.evaluations.values()
                for trial in one.trials
                if one.running.digest_of(trial.side) == candidate.digest
            )
            if found.dollars is None:
                cap = self._outer.config.budget.dollars
                most = f"at most ${cap:.2f}, the climb's cap" if cap else "and there is no cap"
                return f"nothing was priced in the climb; {most}" if found.calls else "no model"
            expected += found.dollars / found.trials
        return f"about ${expected:.2f}, as {len(self.sides)} trials cost in the climb"

    def ask(self, question: str, on_look: OnLook) -> Try:
        """Give both sides a case, and wait.

        Raises:
            TaskError: The question is empty.
            WorkspaceError: An interrupt cancelled it.
            InfrastructureFault: This machine can make no sandbox, or the worker died.
        """
        number, state = own_state(self._outer)
        workspace = self._outer.replace(state=state)
        config = workspace.config
        engine = DetachedEngine(workspace.evaluations)
        engine.check(config.isolation, config.benchmark.environment)
        if self.like.composed:
            engine.check_tasks(config.benchmark.environment, {NAME: self.like.composed})
        place = state / "case" / "tasks" / NAME
        write_like(self.like.path, place, question, _UNJUDGED)
        copy_base(self._frozen.directory, state / "case" / "base")
        copy_images(self._frozen.directory, state / "case")
        running = self._running(f"try{number}", config)
        spec = EvaluationSpec.of(
            workspace,
            running,
            {NAME: place},
            self._harnesses(workspace, running),
            model=self._climb.started.model,
        )
        _, trials = measure(spec, on_look)
        record = {"question": question, "like": self.like.name}
        (state / RECORD).write_text(json.dumps(record), "utf-8")
        with closing(Journal(spec.journal, read_only=True)) as journal:
            answers = [self._answer(journal, trial) for trial in deciding_trials(trials)]
        if not answers:
            raise WorkspaceError("It was cancelled before a side had answered.")
        return Try(number, question, self.like.name, tuple(answers), spec.jobs)

    def _running(self, name: str, config: Config) -> Running:
        best, *others = self.sides.values()
        return Running(
            id=name,
            kind="subset",
            candidate=best.id,
            digest=best.digest,
            tasks=(NAME,),
            attempts=1,
            against=tuple(
                Side(name=BASELINE, candidate=one.id, digest=one.digest) for one in others
            ),
            most_dollars=config.budget.dollars,
            deadline=time.time() + config.benchmark.evaluation_timeout_seconds,
        )

    def _harnesses(self, workspace: Workspace, running: Running) -> dict[str, Path]:
        store = Projection(self._outer)
        place = workspace.evaluations / running.id / "harness"
        return {
            "" if side != BASELINE else BASELINE: store.write_out(candidate.id, place / side)
            for side, candidate in self.sides.items()
        }

    def _answer(self, journal: Journal, trial: Trial) -> Answer:
        side = trial.side or "champion"
        directory = trial_of(journal, trial.id)[1]
        calls = calls_of(directory)
        return Answer(
            side=side,
            commit=self.sides[side].id,
            trial=trial,
            words=clip(plain(last_words(directory)), WORDS),
            calls=tuple(one_line(call, CALL) for call in calls[-CALLS:]),
            called=len(calls),
        )


def _chosen(climb: Played, tasks: Sequence[TaskFacts], like: str | None) -> TaskFacts:
    by_name = {task.name: task for task in tasks}
    name = like or next((task for task in climb.tasks if task in by_name), "")
    if name not in by_name:
        known = ", ".join(by_name)
        raise UnknownName(f"The climb has no task {name!r}. Its tasks: {known}.", "--like TASK")
    return by_name[name]


def last_words(directory: Path) -> str:
    """What a harness said last, by its own trajectory; empty where it says nothing."""
    for step in reversed(trajectory.read_trajectory(directory).raw):
        facts = cast("dict[str, Any]", step) if isinstance(step, dict) else {}
        said = facts.get("message")
        if facts.get("source") == "agent" and isinstance(said, str) and said.strip():
            return said
    return ""


def calls_of(directory: Path) -> list[str]:
    """What a harness did to its environment, by our own record of it, a line each."""
    found: list[str] = []
    with suppress(OSError, WorkspaceError, ValueError):  # a worker that died left half a line
        for part in parts_of(directory):
            record = directory.joinpath(*part.place, CALLS_FILE)
            for line in read_regular(record, RECORD_BYTES).splitlines():
                call = json.loads(line)
                found.append(f"{call.get('call')} {call.get('command', call.get('path', ''))}")
    return found
