"""results.tsv: the upstream's seven columns, unchanged and in order.

The ledger is a projection of the journal for people and spreadsheets; nothing is decided
by what it says. Unknown is blank, never 0. Descriptions come from the meta-agent, so each is
one short line that no spreadsheet takes for a formula or for an opening quote.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from pydantic import ValidationError

from autoagent.errors import WorkspaceError
from autoagent.records import Row

LEDGER_NAME = "results.tsv"
COLUMNS = tuple(Row.model_fields)
DESCRIPTION_LIMIT = 200

_HEADER = "\t".join(COLUMNS)
_ACTIVE = re.compile(r"'*[=+\-@\"]")


def render(rows: Sequence[Row], *, header: bool = True) -> str:
    """The whole file: the header, then one line per row in the order given; or the lines alone.

    `task_scores` is `task=score` pairs joined by `;`, with odd characters of a task's name
    percent-encoded; a task that measured nothing has no number. Scores and costs have four
    decimals.
    """
    lines = [_HEADER] if header else []
    for row in rows:
        cells = [
            one_line(row.commit),
            _number(row.avg_score),
            one_line(row.passed),
            ";".join(f"{_name(task)}={_short(value)}" for task, value in row.task_scores.items()),
            _number(row.cost_usd),
            row.status,
            one_line(row.description),
        ]
        lines.append("\t".join(_inert(cell) for cell in cells))
    return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> list[Row]:
    """The rows of a rendered ledger; rendering them again gives the same text.

    Raises:
        WorkspaceError: A line is not one that `render` wrote; names the line.
    """
    header, _, body = text.partition("\n")
    if header != _HEADER:
        raise _damaged(1, f"the header is {header!r}")
    return [
        _row(number, line)
        for number, line in enumerate(body.removesuffix("\n").split("\n"), start=2)
        if line
    ]


def one_line(text: str) -> str:
    """Text as the ledger shows it: one line of at most 200 characters.

    Control characters and separators become spaces, invisible formatting marks go, and
    runs of spaces become one.
    """
    shown: list[str] = []
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Cs"):
            shown.append(" ")
        elif category != "Cf":
            shown.append(character)
    line = " ".join("".join(shown).split())
    if len(line) <= DESCRIPTION_LIMIT:
        return line
    return line[: DESCRIPTION_LIMIT - 1].rstrip() + "…"


def _inert(cell: str) -> str:
    """A cell that a spreadsheet reads as text."""
    return f"'{cell}" if _ACTIVE.match(cell) else cell


def _plain(cell: str) -> str:
    """What `_inert` was given."""
    return cell[1:] if cell.startswith("'") and _ACTIVE.match(cell) else cell


def _row(number: int, line: str) -> Row:
    cells = [_plain(cell) for cell in line.split("\t")]
    if len(cells) != len(COLUMNS):
        raise _damaged(number, f"{len(cells)} columns instead of {len(COLUMNS)}")
    values: dict[str, Any] = dict(zip(COLUMNS, cells, strict=True))
    values["task_scores"] = _read_scores(values["task_scores"])
    for column in ("avg_score", "cost_usd"):
        values[column] = values[column] or None
    try:
        return Row.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _damaged(number, f"{first['loc'][0]} is {first['input']!r}") from error


def _damaged(number: int, what: str) -> WorkspaceError:
    return WorkspaceError(
        f"{LEDGER_NAME}:{number}: {what}. The ledger is written from the journal; "
        "delete the file and it is written again."
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _name(task: str) -> str:
    """A task's name, safe beside `=` and `;` and at the start of a cell."""
    encoded = quote(task, safe="/", errors="surrogatepass")
    return f"%2D{encoded[1:]}" if encoded.startswith("-") else encoded


def _read_scores(cell: str) -> Mapping[str, str | None]:
    pairs = [pair.partition("=") for pair in cell.split(";")] if cell else []
    return {unquote(name, errors="surrogatepass"): value or None for name, _, value in pairs}
