"""The trials of a review: each a copy of a task whose solution is an agent; and what they show.

They run as the oracle does (rule R1): in isolation, verified as a candidate's would be.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from autoagent.evidence.untrusted import one_line
from autoagent.records import Trial
from autoagent.review.agents import AGENTS, NOTHING, script
from autoagent.review.faults import Fault
from autoagent.workspace.tasks.answers import NAME, read_answers
from autoagent.workspace.tasks.building.shelf import copy_images
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts
from autoagent.workspace.tasks.steps import instruction_of, parts_of
from autoagent.workspace.tasks.task_files import BASE

Role = Literal["oracle", "noop", "wrong", "right answer", "wrong answer"]
STEADY = (
    "have it depend on nothing but what was left: no clock, no network, no chance, no order of "
    "files or sets"
)


UNSOLVED = "mend its solution/ or its verifier"
UNGRADED = (
    "give its verifier what it needs, a key for [gateway] judge, say; or have it always grade"
)


class Part(NamedTuple):
    """One trial: a task, and who plays it. `script` is None where the solution stays."""

    name: str
    task: str
    role: Role
    who: str
    script: str | None


def players(task: TaskFacts, times: int) -> list[Part]:
    """Who plays a task: oracle and no-op `times` times, the wrong agents, the task's own answers.

    Raises:
        TaskError: Its answers.toml says something that it cannot mean.
    """
    instruction = instruction_of(task.path)
    found: list[tuple[Role, str, str | None]] = []
    found.extend(("oracle", str(n), None) for n in range(times * task.has_solution))
    found.extend(("noop", str(n), NOTHING) for n in range(times))
    found.extend(("wrong", agent.name, script(agent, instruction)) for agent in AGENTS)
    if answers := read_answers(task.path):
        found.extend(("right answer", a.name, answers.script(a)) for a in answers.right)
        found.extend(("wrong answer", a.name, answers.script(a)) for a in answers.wrong)
    return [
        Part(f"{number:03}.{task.name}"[:80], task.name, *part) for number, part in enumerate(found)
    ]


def write(frozen: Snapshot, parts: Sequence[Part], place: Path) -> dict[str, Path]:
    """Write each part's task below `place`, by the part's name; nothing is copied but solutions."""
    tasks = {task.name: task.path for task in (*frozen.tasks, *frozen.holdout)}
    place.mkdir(parents=True)
    if (frozen.directory / BASE).is_dir():
        _linked(frozen.directory / BASE, place / BASE)
    copy_images(frozen.directory, place)
    written: dict[str, Path] = {}
    for part in parts:
        target = place / "tasks" / part.name
        _linked(tasks[part.task], target)
        if part.script is not None:
            for part_of in parts_of(target):  # a step without a solution takes the task's
                shutil.rmtree(part_of / "solution", ignore_errors=True)
            (target / "solution").mkdir()
            (target / "solution/solve.sh").write_text(part.script)
            (target / "solution/solve.sh").chmod(0o755)
        written[part.name] = target
    return written


def _linked(source: Path, target: Path) -> None:
    """A tree whose files are the source's own, where the file system can do that."""

    def link(one: str, other: str) -> None:
        with suppress(OSError):
            os.link(one, other)
            return
        shutil.copy2(one, other)

    shutil.copytree(source, target, copy_function=link)
    for directory in (target, *(path for path in target.rglob("*") if path.is_dir())):
        directory.chmod(0o755)


def judged(parts: Sequence[Part], trials: Mapping[str, Trial]) -> list[Fault]:
    """What the trials show of the tasks; a part without a trial tells nothing."""
    by_task: defaultdict[str, list[tuple[Part, Trial]]] = defaultdict(list)
    for part in parts:
        if part.name in trials:
            by_task[part.task].append((part, trials[part.name]))
    return [fault for task, played in by_task.items() for fault in _of(task, played)]


def _of(task: str, played: Sequence[tuple[Part, Trial]]) -> Iterator[Fault]:
    void = [trial for _, trial in played if trial.outcome == "void"]
    if void:
        yield Fault(
            task=task,
            what=f"{len(void)} of {len(played)} trials measured nothing: {_said(void[0])}",
            fix="`autoagent doctor` looks at the machine",
        )
    measured = [(part, trial) for part, trial in played if trial.outcome != "void"]
    oracles = [trial for part, trial in measured if part.role == "oracle"]
    failed = [trial for trial in oracles if trial.outcome != "passed"]
    if failed:
        always = len(failed) == len(oracles)
        count = f"{len(oracles) - len(failed)} of {len(oracles)} times"
        yield Fault(
            task=task,
            what=f"its oracle fails ({_said(failed[0])})"
            if always
            else f"flaky: its oracle passes {count} ({_said(failed[0])})",
            fix=(UNGRADED if _is(failed[0], "invalid") else UNSOLVED) if always else STEADY,
        )
    noops = [trial for part, trial in measured if part.role == "noop"]
    passed = [trial for trial in noops if trial.outcome == "passed"]
    if passed:
        always = len(passed) == len(noops)
        yield Fault(
            task=task,
            what="an agent that does nothing passes"
            if always
            else f"flaky: an agent that does nothing passes {len(passed)} of {len(noops)} times",
            fix="have the verifier ask for what the task asks for" if always else STEADY,
        )
    if not passed:  # else everybody does
        yield from _wrong(task, measured)
    if not failed:
        yield from _answers(task, measured)


def _wrong(task: str, measured: Sequence[tuple[Part, Trial]]) -> Iterator[Fault]:
    """Wrong agents that pass, those with one fix in one line; and those that break the verifier."""
    outcomes = {part.who: trial for part, trial in measured if part.role == "wrong"}
    fixes: defaultdict[str, list[str]] = defaultdict(list)
    for agent in AGENTS:
        if agent.name in outcomes and outcomes[agent.name].outcome == "passed":
            fixes[agent.fix].append(f"{agent.does} ({agent.name})")
    for fix, who in fixes.items():
        yield Fault(task=task, what=f"an agent passes that {', or '.join(who)}", fix=fix)
    broken = [agent for agent in AGENTS if _is(outcomes.get(agent.name), "invalid")]
    if broken:
        does, why = broken[0].does, _said(outcomes[broken[0].name])
        yield Fault(
            task=task,
            what=f"its verifier leaves no reward for an agent that {does} ({why})",
            fix="have it write 0 for whatever it finds",
        )


def _answers(task: str, measured: Sequence[tuple[Part, Trial]]) -> Iterator[Fault]:
    for part, trial in measured:
        if part.role == "right answer" and trial.outcome != "passed":
            yield Fault(
                task=task,
                what=f"the right answer {part.who!r} fails ({_said(trial)})",
                fix=f"mend the verifier, or {NAME}",
            )
        if part.role == "wrong answer" and trial.outcome == "passed":
            yield Fault(
                task=task,
                what=f"the wrong answer {part.who!r} passes",
                fix=f"mend the verifier, or {NAME}",
            )


def _is(trial: Trial | None, outcome: str) -> bool:
    return trial is not None and trial.outcome == outcome


def _said(trial: Trial) -> str:
    return f"{trial.outcome}: {one_line(trial.detail, 120)}" if trial.detail else trial.outcome
