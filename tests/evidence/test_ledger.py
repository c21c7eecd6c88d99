"""results.tsv: what it looks like, and that reading it gives back what was written."""

import csv
import io
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from autoagent.errors import WorkspaceError
from autoagent.evidence.ledger import COLUMNS, one_line, parse, render
from autoagent.records import Row

ROW = Row(
    commit="3f2a9c1",
    avg_score=0.6428571,
    passed="9/14",
    task_scores={"fizzbuzz": 1.0, "sort-csv": 1 / 3, "legal-memo": None, "empty": 0.0},
    cost_usd=1.5,
    status="keep",
    description="verify output before finishing",
)


def described(text: str) -> Row:
    return ROW.model_copy(update={"description": text})


def cell(row: Row, column: str) -> str:
    lines = render([row]).split("\n")
    assert len(lines) == 3, lines
    cells = lines[1].split("\t")
    assert len(cells) == len(COLUMNS), cells
    return cells[COLUMNS.index(column)]


@pytest.mark.rule("R7")
def test_the_ledger_has_the_upstream_columns_in_their_order() -> None:
    """Scripts written for the upstream's results.tsv read ours (rule R7)."""
    assert render([ROW]) == snapshot(
        """\
commit\tavg_score\tpassed\ttask_scores\tcost_usd\tstatus\tdescription
3f2a9c1\t0.6429\t9/14\tfizzbuzz=1;sort-csv=0.3333;legal-memo=;empty=0\t1.5000\tkeep\tverify output before finishing
"""  # noqa: E501
    )


def test_an_empty_ledger_is_its_header() -> None:
    """The file exists before the first row."""
    assert render([]) == "\t".join(COLUMNS) + "\n"
    assert parse(render([])) == []


@pytest.mark.rule("R9")
def test_what_is_unknown_is_blank_and_never_zero() -> None:
    """A void evaluation has no score; an unmetered one has no cost (rule R9)."""
    row = ROW.model_copy(update={"avg_score": None, "cost_usd": None, "task_scores": {}})

    assert render([row]).split("\n")[1] == (
        "3f2a9c1\t\t9/14\t\t\tkeep\tverify output before finishing"
    )
    assert parse(render([row])) == [row]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb", "a b"),
        ("a\nb\r\nc\rd", "a b c d"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("a\x00b\x1bc\x0bd", "a b c d"),
        ("a\u202eb\u200bc\ufeffd", "abcd"),
        ("\ud800a", "a"),
        ("  a \u00a0  b  ", "a b"),
        ("naïve – 中文 🎉", "naïve – 中文 🎉"),
        ("", ""),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("x" * 198 + " yyyy", "x" * 198 + "…"),
    ],
)
def test_a_description_is_one_short_line(text: str, shown: str) -> None:
    """A meta-agent cannot forge a row or a column with it (threat D6)."""
    assert cell(described(text), "description") == shown == one_line(text)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", '"open quote', "'=1", " \t=1"])
def test_no_cell_is_a_formula_or_an_opening_quote(text: str) -> None:
    """A spreadsheet runs what begins with = + - @, and swallows lines after a quote (threat D6)."""
    assert cell(described(text), "description") == f"'{text.strip()}"
    assert parse(render([described(text)]))[0].description == text.strip()


@pytest.mark.parametrize("text", ["'quoted' words", "5 - 3 = 2", "a@b", 'the "best" one'])
def test_a_harmless_description_is_shown_as_it_is(text: str) -> None:
    """Only the first character can be dangerous."""
    assert cell(described(text), "description") == text


@pytest.mark.parametrize("task", ["a=b", "a;b", "a\tb", "=x", "-x", "100%", "été", "org/name", ""])
def test_an_odd_task_name_reads_back(task: str) -> None:
    """Names come from directories, which may be called anything."""
    row = ROW.model_copy(update={"task_scores": {task: 1.0, "z": None}})

    assert parse(render([row]))[0].task_scores == {task: 1.0, "z": None}
    assert cell(row, "task_scores")[0] not in "=+-@\"'" or not task


def settled(row: Row) -> Row:
    """A row with the precision and the single line that the ledger keeps."""
    return row.model_copy(
        update={
            "avg_score": None if row.avg_score is None else round(row.avg_score, 4),
            "task_scores": {
                task: None if value is None else round(value, 4)
                for task, value in row.task_scores.items()
            },
            "cost_usd": None if row.cost_usd is None else round(row.cost_usd, 4),
            "description": one_line(row.description),
        }
    )


ROWS = st.lists(
    st.builds(
        Row,
        commit=st.text("0123456789abcdef", min_size=7, max_size=7),
        avg_score=st.none() | st.floats(0, 1),
        passed=st.builds("{}/{}".format, st.integers(0, 99), st.integers(1, 99)),
        task_scores=st.dictionaries(st.text(max_size=8), st.none() | st.floats(0, 1), max_size=4),
        cost_usd=st.none() | st.floats(0, 1e6),
        status=st.sampled_from(["keep", "discard", "crash"]),
        description=st.text(max_size=250) | st.text("=+-@'\"\t\n \\a", max_size=8),
    ),
    max_size=4,
)


@pytest.mark.rule("R7")
@given(ROWS)
@example([described("'")])
@example([described("''=")])
def test_reading_a_rendered_ledger_gives_the_same_rows(rows: list[Row]) -> None:
    """Up to four decimals and one line, nothing is lost (rule R7)."""
    text = render(rows)

    assert parse(text) == [settled(row) for row in rows]
    assert render(parse(text)) == text


@given(ROWS)
def test_a_spreadsheet_reads_as_many_rows_as_were_written(rows: list[Row]) -> None:
    """A CSV reader with its default quoting sees the same table (threat D6)."""
    text = render(rows)

    table = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))

    assert [len(line) for line in table] == [len(COLUMNS)] * (len(rows) + 1)
    assert len(text.splitlines()) == len(rows) + 1
    assert not any(line[-1][:1] in ("=", "+", "-", "@") for line in table if line[-1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "results.tsv:1: the header is ''"),
        ("commit\tpassed\n", "results.tsv:1: the header is"),
        ("{header}\na\tb\n", "results.tsv:2: 2 columns instead of 7"),
        ("{header}\n{row}\na\tx\t1/2\t\t\tkeep\t\n", "results.tsv:3: avg_score is 'x'"),
        ("{header}\na\t\t1/2\t\t\tkept\t\n", "results.tsv:2: status is 'kept'"),
    ],
)
def test_a_damaged_ledger_is_an_error_that_names_the_line(text: str, words: str) -> None:
    """The ledger is a projection, so the remedy is to delete it (threat D5)."""
    header, row, _ = render([ROW]).split("\n")

    with pytest.raises(WorkspaceError) as caught:
        parse(text.format(header=header, row=row))

    assert words in str(caught.value)
    assert "delete the file" in str(caught.value)


def test_small_costs_are_not_lost_to_rounding() -> None:
    """Four decimals are a hundredth of a cent."""
    assert math.isclose(
        float(cell(ROW.model_copy(update={"cost_usd": 0.0123}), "cost_usd")), 0.0123
    )
