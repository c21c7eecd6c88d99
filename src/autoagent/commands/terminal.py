"""What commands show on a terminal. It decides nothing, and the server never imports it.

Names and details come from tasks, harnesses and journals: they are shown as plain text,
without markup and without control characters.
"""

import os
import shlex
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autoagent.commands.after.verify import Audit
from autoagent.commands.before.adopt import Adopted
from autoagent.commands.before.review import Reviewed
from autoagent.commands.before.rows import Check
from autoagent.commands.during.demo_script import TAG, Demonstration, Played
from autoagent.commands.during.run import RunReport, Seen
from autoagent.evidence.ledger import one_line
from autoagent.records import Trial
from autoagent.referee.ending.worth import STOOD_IN, certified, edits_worth
from autoagent.referee.evaluations import deciding_trials

NARROW = 80
"""Columns below which a table is a list."""
PLAIN_WIDTH = 140
"""Columns where there is no terminal to ask."""
COLOURS = {
    "ok": "green",
    "note": "yellow",
    "fail": "bold red",
    "skip": "dim",
    "passed": "green",
    "failed": "red",
    "crashed": "red",
    "timeout": "red",
    "invalid": "red",
    "void": "yellow",
    "keep": "green",
    "discard": "yellow",
    "crash": "red",
    "refused": "magenta",
}


def console(*, stderr: bool = False) -> Console:
    """Standard output or error; where it is no terminal, wide enough that a row is a line."""
    stream = sys.stderr if stderr else sys.stdout
    told = stream.isatty() or os.environ.get("COLUMNS", "").isdecimal()
    width = None if told else PLAIN_WIDTH
    return Console(highlight=False, width=width, stderr=stderr)


def harbor_view(jobs: Path) -> str:
    """The command that shows a job directory, with the path of the Harbor that made it."""
    return shlex.join([str(Path(sys.executable).with_name("harbor")), "view", str(jobs)])


@contextmanager
def live(out: Console) -> Generator[Callable[[RenderableType], None]]:
    """Show what it is called with in the place of what it showed before."""
    with Live(console=out, auto_refresh=False) as display:
        yield partial(display.update, refresh=True)
    if not out.is_terminal:
        out.line()  # the display leaves its last one open there


def plain(text: str, style: str = "") -> Text:
    """A text of any length as one line that cannot move the cursor."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return Text(" ".join(shown.split()), style=style)


def word(text: str) -> Text:
    """One word of ours in its colour, or a text of somebody else's made short and harmless."""
    return Text(one_line(text), style=COLOURS.get(text, ""))


def checks_table(checks: Sequence[Check], width: int = PLAIN_WIDTH) -> Table:
    """One row per check; a failing one has its remedy below it."""
    if width < NARROW:
        return listed(
            [
                (
                    Text.assemble(word(check.state), " ", one_line(check.name)),
                    plain(check.detail).append(f"\nfix: {check.fix}" if check.fix else "", "bold"),
                )
                for check in checks
            ]
        )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for check in checks:
        said = plain(check.detail)
        if check.fix:
            said.append(f"\nfix: {check.fix}", style="bold")
        table.add_row(word(check.state), Text(one_line(check.name)), said)
    return table


def adopted_table(tasks: Sequence[Adopted], width: int = PLAIN_WIDTH) -> Table:
    """One row per task: what it is called here, and where it runs or why not."""
    rows: list[tuple[Text, Text]] = []
    for task in tasks:
        said = Text()
        for environment, problems in task.problems.items():
            told = "runs" if not problems else "; ".join(problems)
            said.append_text(plain(f"{environment}: {told}", "" if problems else "green"))
            said.append("\n")
        said.append_text(plain(f"{task.state} {task.why}".strip(), "bold"))
        renamed = f" → {task.name}" if task.source.split("/")[-1] != task.name else ""
        rows.append((plain(f"{task.source}{renamed}"), said))
    if width < NARROW:
        return listed(rows)
    table = Table("task", "where it runs", box=SIMPLE)
    for name, said in rows:
        table.add_row(name, said)
    return table


def run_screen(out: Console, seen: Seen) -> Group:
    """An evaluation under way: the trials that ended last, as many as fit, and how far it is."""
    ended = deciding_trials(seen.trials)
    fit = max(1, (out.height - 8) // (1 if out.width >= NARROW else 2))
    passed = sum(trial.outcome == "passed" for trial in ended)
    told = f"  {len(ended)}/{seen.expected} ended, {passed} passed, {seen.seconds:.0f} s"
    if (left := seen.seconds_left) is not None:
        told += f", about {left:.0f} s left"
    for first in seen.running[:1]:
        more = f" and {len(seen.running) - 1} more" if len(seen.running) > 1 else ""
        told += f"; {one_line(first)}{more} running"
    return Group(
        trials_table(ended[-fit:], out.width, whole=False), Text(told, style="dim", no_wrap=True)
    )


def trials_table(trials: Sequence[Trial], width: int = PLAIN_WIDTH, *, whole: bool = True) -> Table:
    """Task, outcome, reward and seconds of every trial that ended.

    Where the terminal is narrow the detail has a line of its own; not `whole`, it has just one.
    """
    if width < NARROW:
        return _narrow_trials(trials, whole=whole)
    table = Table(box=SIMPLE)
    for heading in ("task", "outcome"):
        table.add_column(heading)
    for heading in ("reward", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("detail", overflow="fold" if whole else "ellipsis", no_wrap=not whole)
    for trial in sorted(trials, key=lambda trial: (trial.task, trial.attempt)):
        reward = "" if trial.reward is None else f"{trial.reward:.2f}"
        name = trial.task if trial.attempt == 1 else f"{trial.task} #{trial.attempt}"
        table.add_row(
            word(name), word(trial.outcome), reward, f"{trial.seconds:.1f}", word(trial.detail)
        )
    return table


def _narrow_trials(trials: Sequence[Trial], *, whole: bool) -> Table:
    rows: list[tuple[Text, Text]] = []
    for trial in sorted(trials, key=lambda trial: (trial.task, trial.attempt)):
        name = trial.task if trial.attempt == 1 else f"{trial.task} #{trial.attempt}"
        said = Text.assemble(word(trial.outcome), " ", word(name), f" {trial.seconds:.1f} s")
        rows.append((said, word(trial.detail)))
    return listed(rows, whole=whole)


def listed(rows: Sequence[tuple[Text, Text]], *, whole: bool = True) -> Table:
    """A heading and what is told of it, one below the other: for narrow terminals."""
    table = Table(box=None, show_header=False, padding=(0, 0))
    table.add_column(overflow="fold" if whole else "ellipsis", no_wrap=not whole)
    for heading, told in rows:
        table.add_row(heading)
        if told:
            table.add_row(Padding(told, (0, 0, 0, 2)))
    return table


def print_run(out: Console, report: RunReport) -> None:
    """The summary of an evaluation on its own."""
    score = report.score
    average = "" if score.avg_score is None else f", average {score.avg_score:.2f}"
    void = f", {score.void} not measured" if score.void else ""
    out.print(Text(f"{score.passed}/{score.expected} passed{average}{void}, {score.seconds:.1f} s"))
    if score.stand_in:
        out.print(Text(STOOD_IN))
    if report.trouble:
        out.print(plain(f"Nothing was measured: {report.trouble}", "bold red"), soft_wrap=True)
    for why in report.excluded.values():
        out.print(plain(f"left out: {why}"), soft_wrap=True)
    if report.state != "complete":
        out.print(Text(f"The evaluation is {report.state.replace('_', ' ')}.", style="yellow"))
    out.print(Text(f"Look at it with: {harbor_view(report.jobs)}"), soft_wrap=True)


def print_review(out: Console, found: Reviewed) -> None:
    """Each fault with its fix, task by task."""
    for fault in sorted(found.faults, key=lambda one: one.task):
        out.print(plain(f"{fault.task or 'all tasks'}: {fault.what.rstrip('.')}."))
        out.print(plain(f"  Fix: {fault.fix}."))
    out.print(plain(found.power))
    count = len(found.faults)
    out.print(
        plain(
            f"{count} to mend, {found.trials} trials."
            if count
            else f"Nothing to mend, {found.trials} trials."
        )
    )


def print_audit(out: Console, found: Audit) -> None:
    """What a replay of the journal found."""
    position = found.position
    incumbent = position.incumbent
    out.print(Text(f"{found.events} events, {found.decisions} decisions replayed"))
    if position.tag:
        out.print(Text(f"climb {one_line(position.tag)}: {position.phase}, {position.rows} rows"))
    if incumbent:
        score = incumbent.score
        name = incumbent.candidate.short
        out.print(Text(f"incumbent {name}: {score.passed}/{score.expected} passed"))
        if score.stand_in:
            out.print(Text(STOOD_IN))
    if position.certificate:
        for told in (certified(position.certificate), *edits_worth(position.certificate)):
            out.print(Text(told), soft_wrap=True)
    if found.tier:
        out.print(Text(one_line(found.tier)))
    out.print(Text(f"head {found.head}"))
    for flag in found.flags:
        out.print(plain(f"flagged: {flag}", "yellow"))
    for problem in found.problems:
        out.print(plain(f"PROBLEM {problem}", "bold red"), soft_wrap=True)
    if not found.problems:
        out.print(Text("The journal holds together.", style="green"))


def demo_screen(rows: Sequence[Played], doing: str, width: int = PLAIN_WIDTH) -> Group:
    """The demo while it plays: a row per candidate, and what is being done right now."""
    waits = [Text(f"  … {one_line(doing)}", style="dim", no_wrap=True)] if doing else []
    if width < NARROW:
        told = [
            (
                Text.assemble(
                    word(row.verdict),
                    " (unexpected)" if row.problem else "",
                    " ",
                    word(row.name),
                    "" if row.passed is None else f" {row.passed}/{row.expected}",
                ),
                word(row.why),
            )
            for row in rows
        ]
        return Group(listed(told), *waits)
    table = Table(box=SIMPLE)
    table.add_column("candidate")
    table.add_column("passed", justify="right")
    for heading in ("verdict", "why", "what was tried"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        passed = "" if row.passed is None else f"{row.passed}/{row.expected}"
        verdict = word(row.verdict)
        if row.problem:
            verdict.append(" (unexpected)", style="bold red")
        table.add_row(word(row.name), passed, verdict, word(row.why), word(row.description))
    return Group(table, *waits)


def staircase(rows: Sequence[Played]) -> Text:
    """Passed by candidate: the running best as a line, kept points filled, others hollow."""
    measured = [row for row in rows if row.passed is not None]
    picture = Text()
    if not measured:
        return picture
    heights = [row.passed or 0 for row in measured]
    for level in range(max(heights), min(heights) - 1, -1):
        picture.append(f"  {level:>4} ")
        best: int | None = None
        for row in measured:
            kept = row.verdict == "keep"
            before, best = best, row.passed if kept else best
            mark, line = _cell(row, level, before, best)
            picture.append(mark, style=COLOURS.get(row.verdict, ""))
            picture.append(line)
        picture.append("\n")
    picture.append("   passed, one column a candidate: ● kept ○ discarded × crashed ─ incumbent\n")
    return picture


def _cell(row: Played, level: int, before: int | None, best: int | None) -> tuple[str, str]:
    """What one candidate shows at one height, and the line that leads on from it."""
    line = "───" if best == level else "   "
    if row.passed == level:
        return {"keep": "●", "crash": "×"}.get(row.verdict, "○"), line
    if before is not None and best is not None and before < level < best:
        return "│", line
    if before == level:
        return ("┘" if best != before else "─"), line
    return " ", line


def print_demonstration(out: Console, found: Demonstration) -> None:
    """What is left to say when the demo is over."""
    out.print(staircase(found.steps))
    facts: Mapping[str, str] = {
        "baseline": f"{found.baseline_passed}/{found.expected} passed",
        "final": f"{found.final_passed}/{found.expected} passed, in {found.seconds:.0f} s",
        "worth": found.certified,
        "verify": f"{found.events} events, {found.decisions} decisions, head {found.head[:12]}",
        "ledger": str(found.workspace / "results.tsv"),
        "take over": f"git -C {found.workspace} merge autoagent/{TAG}",
        "jobs": harbor_view(found.workspace / ".autoagent" / "jobs"),
    }
    for name, value in facts.items():
        out.print(Text(f"{name:<10}{value}"), soft_wrap=True)
    for problem in found.problems:
        out.print(plain(f"FAILED {problem}", "bold red"), soft_wrap=True)
