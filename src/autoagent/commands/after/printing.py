"""What the morning's commands show on a terminal: a climb's story, and a candidate's.

Names, descriptions and diffs come from whoever played: they are plain text here.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autoagent.commands.after.unseen import Answer, Try
from autoagent.commands.terminal import NARROW, listed, plain, word
from autoagent.report.candidate import Told
from autoagent.report.causes import Cause
from autoagent.report.costs import Costs
from autoagent.report.forecast import Forecast, Part
from autoagent.report.story import Story

TASKS = 12
"""Names of tasks in a row."""

Row = tuple[str, str]


def print_story(out: Console, told: Story, page: Path) -> None:
    """What the morning is told of a climb: the verdict first, the page last."""
    style = {"READY": "bold green", "NEEDS ATTENTION": "bold yellow"}.get(told.headline, "bold")
    out.print(Text(told.headline, style=style), plain(told.sentence))
    rows = [("stopped", told.stopped)] if told.stopped else []
    rows += [("now", told.now.sentence)] if told.now else []
    rows += [*told.gains, *(("incident", one) for one in told.incidents)]
    rows += [
        ("kept", " ".join([one.step.commit, one.step.description, one.adds and f"({one.adds})"]))
        for one in told.edits
    ]
    rows += [("not kept", f"{len(steps)} {why}") for why, steps in told.dead_ends]
    rows += _failing("still fails", told.failing)
    rows += [("cost", cost(told.costs))]
    rows += [("a point cost", told.point)] if told.point else []
    print_rows(out, rows)
    for line in (*told.apply, str(page)):  # whole, to be copied
        out.print(plain(line), soft_wrap=True)


def print_candidate(out: Console, told: Told, lines: Sequence[str]) -> None:
    """What a candidate did, and then the lines that it changed."""
    out.print(
        Text.assemble(told.commit[:7], " ", word(told.fate), " ", plain(told.description)),
    )
    print_rows(out, _about(told))
    if lines:
        out.line()
    print_diff(out, lines)


def _about(told: Told) -> Iterator[Row]:
    climb = f"climb {told.climb}"
    yield "of", f"{climb}, made from {told.parent[:7]}" if told.parent else f"{climb}, its baseline"
    if told.passed:
        yield "passed", told.passed
    if told.why:
        yield "why", told.why
    flips = told.flips
    for what, names in (
        ("fixed", flips.fixed),
        ("broken", flips.broken),
        ("better", flips.better),
        ("worse", flips.worse),
    ):
        if names:
            yield what, f"{len(names)}: {_some(names)}"
    if flips.not_run:
        yield "not run", f"{flips.not_run} tasks"
    if told.adds:
        yield "adds", f"with it, against without it: {told.adds}"
    yield from _failing("fails", told.failing)
    for flag in told.flags:
        yield "flag", flag
    now, before = told.complexity
    yield "complexity", f"{now}" if before is None else f"{now}, was {before}"
    if told.diagnosed:
        yield "diagnosed", f"{told.diagnosed} evaluations of single tasks"
    yield "cost", cost(told.costs)


def _failing(what: str, found: Sequence[Cause]) -> Iterator[Row]:
    for cause in found[:5]:
        yield what, f"{len(cause.tasks)} tasks, {cause.what}: {_some(cause.tasks, 4)}"
    if (more := len(found) - 5) > 0:
        yield what, f"in {more} more ways"


def _some(names: Sequence[str], most: int = TASKS) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def cost(found: Costs) -> str:
    """What was spent, in a line."""
    dollars = "nothing was priced" if found.dollars is None else f"${found.dollars:.2f}"
    tokens = f", {found.tokens:,} tokens" if found.calls else ""
    return f"{dollars}{tokens}, {found.trials:,} trials"


def print_forecast(out: Console, found: Forecast, candidates: int) -> None:
    """What a night would cost, part by part, and what that rests on."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("")
    for title in ("trials", "model", "at least"):
        table.add_column(title, justify="right")
    whole = Part("in all", sum(part.trials for part in found.parts), found.dollars, found.hours)
    for part in (*found.parts, whole):
        dollars = "" if part.dollars is None else f"${part.dollars:.2f}"
        table.add_row(part.what, f"{part.trials:,}", dollars, f"{part.hours:.1f} h")
    out.print(table)
    trial = found.trial
    seconds = trial.seconds / trial.trials if trial.trials else 0.0
    out.print(plain(f"By climb {found.by}: {cost(trial)}, {seconds:.0f} s each."))
    taken = f"took {found.passes:.2f} passes of the suite each"
    out.print(f"{candidates} candidates, as those of that climb, which {taken}.")
    out.print("The meta-agent's own tokens are its provider's bill, and not in here.")


def print_try(out: Console, found: Try) -> None:
    """Both sides of a case beside each other; on a narrow terminal one below the other."""
    sides = [_side(answer) for answer in found.answers]
    if out.width < NARROW:
        for side in sides:
            out.print(side)
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), expand=True)
        for _ in sides:
            table.add_column(ratio=1, overflow="fold")
        table.add_row(*sides)
        out.print(table)


def _side(answer: Answer) -> Text:
    trial = answer.trial
    price = "" if trial.cost_usd is None else f", ${trial.cost_usd:.4f}"
    told = Text.assemble((f"{answer.side} {answer.commit[:7]}", "bold"), "\n")
    ended = "" if trial.outcome in ("passed", "failed") else f"{trial.outcome}: {trial.detail} "
    told.append_text(plain(f"{ended}{trial.seconds:.1f} s, {answer.called} calls{price}", "dim"))
    for call in answer.calls:
        told.append("\n  ").append_text(plain(call, "dim"))
    said = answer.words or "It said nothing: its trajectory has no message of an agent's."
    return told.append("\n\n").append(said).append("\n")


def print_rows(out: Console, rows: Iterable[Row]) -> None:
    """Two columns, or where the terminal is narrow one below the other."""
    told = [(plain(what), plain(said)) for what, said in rows]
    if out.width < NARROW:
        out.print(listed([(Text(what.plain, style="dim"), said) for what, said in told]))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    for what, said in told:
        table.add_row(what, said)
    out.print(table)


def print_diff(out: Console, lines: Iterable[str]) -> None:
    """Lines of a diff as they are, so that they can be copied."""
    for line in lines:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        out.print(Text(line, style=style), soft_wrap=True)
