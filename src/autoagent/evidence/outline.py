"""How the steps of a trial are shown: an outline, windows, what was looked for, where two part.

Everything is bounded in characters, and made for a reader who pays for each of them. Text is
untrusted: whoever shows it fences it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from autoagent.evidence.trajectory import Step, Trajectory, leaves, read_trajectory
from autoagent.evidence.untrusted import clip, one_line, quoted

LINE = 110
NARROW = 60
"""Characters of a step's line where not every step has room."""
LOOKED_AT = 1000
"""Steps at each end that an outline looks at; of more, only their number is told."""
COMPARED_STEPS = 2000
_GAP = 100
_AROUND = 70
PLACES = 3
_TOLD = 400


def outline(trajectory: Trajectory, limit: int) -> str:
    """One line a step, in about `limit` characters: what was called, how it ended, what it took.

    Where not all have room, the ends and the steps that failed do, latest first; what stands
    between them is one line of sums.
    """
    count = len(trajectory)
    numbers = [n for n in range(1, count + 1) if n <= LOOKED_AT or n > count - LOOKED_AT]
    steps = {number: trajectory.step(number) for number in numbers}
    lines = {number: _line(number, steps[number], LINE) for number in numbers}
    if len(lines) < count or sum(map(len, lines.values())) + count > limit:
        lines = _chosen(steps, count, limit)
    told: list[str] = []
    before = 0
    for number in [*sorted(lines), count + 1]:
        if number > before + 1:
            told.append(_gap(steps, before + 1, number - 1))
        if number in lines:
            told.append(lines[number])
        before = number
    return "\n".join(told)


def _chosen(steps: dict[int, Step], count: int, limit: int) -> dict[int, str]:
    """The lines that there is room for: the ends first, then what failed, then more of the end."""
    failed = [number for number in reversed(steps) if steps[number].failed]
    ends = [*range(count, count - 6, -1), 1, 2, 3]
    lines: dict[int, str] = {}
    left = limit - _GAP
    for number in dict.fromkeys([*ends, *failed, *range(count, 0, -1)]):
        if number not in steps or number in lines:
            continue
        line = _line(number, steps[number], NARROW)
        alone = number - 1 not in lines and number + 1 not in lines
        left -= len(line) + 1 + (_GAP if alone else 0)
        if left < 0:
            break
        lines[number] = line
    return lines


def _gap(steps: dict[int, Step], first: int, last: int) -> str:
    """What is not shown, in one line."""
    within = [steps[number] for number in range(first, last + 1) if number in steps]
    names = Counter(one_line(call.name, 20) for step in within for call in step.acts.calls)
    called = ", ".join(f"{name} {count}" for name, count in names.most_common(3))
    failed = sum(step.failed for step in within)
    told = [
        f"steps {first} to {last}" if last > first else f"step {first}",
        called,
        f"{failed} failed" if failed else "",
        *_took(
            sum(s.size for s in within),
            _sum(s.seconds for s in within),
            _sum(s.dollars for s in within),
        ),
    ]
    return f"[… {'; '.join(filter(None, told))} …]"


def _line(number: int, step: Step, width: int) -> str:
    facts = [step.end, *_took(step.size, step.seconds, step.dollars)]
    told = ", ".join(filter(None, facts))
    said = one_line(summary(step), width)
    return f"{number} {step.acts.source}: {said}{f' [{told}]' if told else ''}"


def _took(size: int, seconds: float | None, dollars: float | None) -> list[str]:
    short = f"{size} B" if size < 1000 else f"{size / 1000:.3g} kB"
    return [
        short if size else "",
        "" if seconds is None else f"{seconds:.3g} s",
        "" if dollars is None else f"${dollars:.2g}",
    ]


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def summary(step: Step) -> str:
    """What was said, called and observed, each cut short."""
    calls = [f"{call.name}({call.arguments[:_TOLD]})" for call in step.acts.calls[:5]]
    results = [f"-> {result[:_TOLD]}" for result in step.acts.results[:5]]
    return " ".join([step.acts.message[:_TOLD], *calls, *results])


def window(trajectory: Trajectory, first: int, count: int, limit: int) -> str:
    """Steps `first` to `first + count - 1`, in about `limit` characters altogether."""
    numbers = range(first, min(len(trajectory), first + count - 1) + 1)
    each = limit // max(1, len(numbers))
    return "\n\n".join(clip(_whole(trajectory, number), each) for number in numbers)


def _whole(trajectory: Trajectory, number: int) -> str:
    acts = trajectory.step(number).acts
    lines = [f"--- step {number} of {len(trajectory)}, {acts.source}"]
    if acts.message:
        lines.append(acts.message)
    lines += [f"call {call.name}: {call.arguments}" for call in acts.calls]
    lines += [f"result: {result}" for result in acts.results]
    return "\n".join(lines)


def found(trajectory: Trajectory, text: str, first: int, limit: int) -> tuple[str, int, int | None]:
    """Where a text stands in the steps from `first` on, whatever its case, a line a step.

    Returns:
        The places in about `limit` characters, how many steps hold the text, and the first step
        that had no more room.
    """
    lines: list[str] = []
    left, holding, more = limit, 0, None
    for number in range(first, len(trajectory) + 1):
        places = [
            leaf for leaf in leaves(trajectory.raw[number - 1]) if text.lower() in leaf.lower()
        ]
        if not places:
            continue
        holding += 1
        if more is not None:
            continue
        count = sum(leaf.lower().count(text.lower()) for leaf in places)
        shown = [around(leaf, text) for leaf in places[:PLACES]]
        line = f"{number}: {' | '.join(shown)}{f' [{count} places]' if count > len(shown) else ''}"
        left -= len(line) + 1
        if left < 0 and lines:
            more = number
        else:
            lines.append(line)
    return "\n".join(lines), holding, more


def around(leaf: str, text: str) -> str:
    """The first place of a text in another, on one line; empty where it is not there."""
    for place in islice(re.finditer(re.escape(text), leaf, re.IGNORECASE), 1):
        return one_line(leaf[max(0, place.start() - _AROUND) : place.end() + _AROUND], 3 * _AROUND)
    return ""


def parts(a: Path, b: Path) -> str:
    """The first step where the trajectories of two trials part, in one line."""
    before, after = read_trajectory(a), read_trajectory(b)
    if not before or not after:
        return "no trajectory on one side"
    longer = max(len(before), len(after))
    for number in range(1, min(longer, COMPARED_STEPS) + 1):
        old, new = (t.step(number) if number <= len(t) else None for t in (before, after))
        if (old and old.acts) != (new and new.acts):
            said = [summary(side) if side else None for side in (old, new)]
            shown = _apart(said[0] or "", said[1] or "")
            told = [
                quoted(text, 60) if side else "the end"
                for side, text in zip(said, shown, strict=True)
            ]
            return f"step {number} of {len(before)} and {len(after)}: {told[0]} became {told[1]}"
    return f"the same {min(longer, COMPARED_STEPS)} steps"


def _apart(old: str, new: str) -> tuple[str, str]:
    """Two texts from shortly before they part, where that is late."""
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    if same < 40:
        return old, new
    return f"…{old[same - 20 :]}", f"…{new[same - 20 :]}"
