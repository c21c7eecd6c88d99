"""Faults that a workspace's files tell, without a trial.

It errs on the quiet side: an answer is only called given away where the whole of it stands there.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoagent.config import Config
from autoagent.errors import WorkspaceError
from autoagent.files import read_regular, walk
from autoagent.gate import power
from autoagent.review.faults import Fault
from autoagent.workspace.tasks.snapshot import Snapshot, TaskFacts
from autoagent.workspace.tasks.steps import instruction_of, parts_of

ALIKE = 0.6
"""Two instructions are near-duplicates where this share of their phrases is the same."""
PHRASE = 4
FEWEST = 8
_LIMIT = 64 * 1024
_EXPECTED = re.compile(r"expect|answer|golden|truth|reference|solution|oracle", re.I)
_WRITTEN = re.compile(
    r"""(?:\becho(?:\s+-\w+)*|\bprintf(?:\s+['"]%s(?:\\n)?['"])?)\s+(?:"([^"$`]+)"|'([^']+)')[^\n|]*>"""
)
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1[^\n]*\n(.*?)\n\s*\2\s*(?:\n|$)", re.S)
_WORD = re.compile(r"\w+")


def faults(frozen: Snapshot, config: Config, gain: float | None) -> Iterator[Fault]:
    """What the files of a snapshot tell, task by task and then of all.

    Args:
        frozen: The tasks, held-out ones too.
        config: The rules of the climb.
        gain: The gain that is hoped for, in points; None where nobody said.
    """
    every = (*frozen.tasks, *frozen.holdout)
    for name, why in {**frozen.excluded, **frozen.holdout_excluded}.items():
        yield Fault(task=name, what=f"cannot be used: {why}", fix="mend it, or take it out")
    for task in every:
        yield from _of_task(task, config)
    yield from _alike(frozen.tasks, frozen.holdout)
    yield from _too_few(len(frozen.tasks), config, gain)


def _of_task(task: TaskFacts, config: Config) -> Iterator[Fault]:
    instruction = _plain(instruction_of(task.path))
    for answer in _answers(task.path):
        if f" {_plain(answer)} " in f" {instruction} ":
            yield Fault(
                task=task.name,
                what="the answer stands in its instruction",
                fix="take the answer out of instruction.md, or ask for something else",
            )
            break
    yield from _in_environment(task)
    if not task.has_solution:
        yield Fault(
            task=task.name,
            what="it has no solution/solve.sh: nobody knows whether it can be solved",
            fix="write one; the oracle runs it before each climb",
        )
    if config.benchmark.is_in_place(task.name):
        yield Fault(
            task=task.name,
            what="its verifier shares the environment that the candidate acted in",
            fix="have the verifier start what it needs, and take it out of verify_in_place",
        )
    for note in task.notes:
        yield Fault(
            task=task.name,
            what=note,
            fix="have the verifier use only what /tests and the image have",
        )


def _in_environment(task: TaskFacts) -> Iterator[Fault]:
    """Files that a candidate finds, and that hold the answer or the solution whole."""
    known = {_plain(answer) for answer in _answers(task.path)} | {
        _plain(_read(path)) for place in parts_of(task.path) for path in _below(place / "solution")
    }
    for path in _below(task.path / "environment"):
        if path.name != "Dockerfile" and (text := _plain(_read(path))) and text in known:
            yield Fault(
                task=task.name,
                what=f"{path.relative_to(task.path)} is the answer, where the candidate finds it",
                fix="keep it in tests/ or solution/, which no candidate sees",
            )


def _answers(task: Path) -> set[str]:
    """What the solution writes, and what the verifier expects, where the files say it in full."""
    found: set[str] = set()
    places = [*parts_of(task)]
    for path in (path for place in places for path in _below(place / "solution")):
        text = _read(path)
        found |= {one or other for one, other in _WRITTEN.findall(text)}
        found |= {body for _, _, body in _HEREDOC.findall(text)}
    for path in (path for place in places for path in _below(place / "tests")):
        if _EXPECTED.search(path.name) and path.suffix in ("", ".txt", ".json", ".csv", ".md"):
            found.add(_read(path))
    return {answer for answer in found if _telling(answer)}


def _telling(answer: str) -> bool:
    """Whether an answer is more than one of a few words that any instruction may hold."""
    words = _plain(answer).split()
    return len("".join(words)) >= 4 and (
        len(words) > 2 or any(map(str.isdigit, answer)) or len(answer.strip()) >= 12
    )


def _alike(tasks: Sequence[TaskFacts], holdout: Sequence[TaskFacts]) -> Iterator[Fault]:
    """Pairs of tasks that ask nearly the same, apart from what most tasks have in common."""
    every = [*tasks, *holdout]
    phrases = {task.name: _phrases(task) for task in every}
    counted = Counter(phrase for found in phrases.values() for phrase in found)
    common = {p for p, count in counted.items() if count > max(2, len(every) / 3)}
    own = {name: found - common or found for name, found in phrases.items()}
    hidden = {task.name for task in holdout}
    for number, one in enumerate(every):
        for other in every[number + 1 :]:
            a, b = own[one.name], own[other.name]
            if not a or not b or len(a & b) / min(len(a), len(b)) < ALIKE:
                continue
            leak = (one.name in hidden) != (other.name in hidden)
            yield Fault(
                task=other.name,
                what=f"it asks nearly what {one.name} asks"
                + (", and one of the two is held out: that gain would be no proof" if leak else ""),
                fix="make one of them another case, or take it out",
            )


def _phrases(task: TaskFacts) -> set[str]:
    words = ["0" if w.isdigit() else w for w in _plain(instruction_of(task.path)).split()]
    return {" ".join(words[n : n + PHRASE]) for n in range(max(1, len(words) - PHRASE + 1))}


def _too_few(tasks: int, config: Config, gain: float | None) -> Iterator[Fault]:
    wanted = FEWEST if gain is None else power.tasks_for(gain / 100, _tries(config))
    if tasks < wanted:
        hoped = "" if gain is None else f" {gain:g} points are hoped for."
        yield Fault(task="", what=f"too few. {said(tasks, config)}{hoped}", fix=f"write {wanted}")


def said(tasks: int, config: Config) -> str:
    """How small a gain these tasks can tell from luck, in a sentence."""
    tries = _tries(config)
    these, like = (power.smallest_gain(tasks, tries, like_these=like) for like in (False, True))
    return (
        f"{tasks} tasks tell a gain of {100 * these:.0f} points on these very tasks from luck in "
        f"4 of 5 nights, and one of {100 * like:.0f} on tasks like these."
    )


def _tries(config: Config) -> int:
    """Trials of each harness at each task, when its climb is certified."""
    return max(1, config.certify.passes) * config.benchmark.attempts


def _plain(text: str) -> str:
    return " ".join(word.lower() for word in _WORD.findall(text))


def _below(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return [directory / name for name in sorted(walk(directory).files)]


def _read(path: Path) -> str:
    """A file's text; nothing where it is too long, or no text."""
    try:
        data = read_regular(path, _LIMIT)
    except (WorkspaceError, OSError):
        return ""
    return "" if b"\0" in data else data.decode("utf-8", "replace")
