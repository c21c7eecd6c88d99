"""The examples' support tool: what a reply may look like, and what is kept of it."""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from ..answering import ROOT, Suite

_spec = spec_from_file_location("example_form", ROOT / "base/app/form.py")
assert _spec is not None and _spec.loader is not None
form: Any = module_from_spec(_spec)
sys.modules["example_form"] = form
_spec.loader.exec_module(form)

PRESETS = form.several("light", "restore", "upscale")
READ = [
    (form.day, "2026-06-30", "2026-06-30 2026/06/30 30.06.2026 30.6.2026 30/06/2026 06/30/2026"),
    (form.day, "2026-06-30", ["June 30, 2026", "30 June 2026", "Jun 30th 2026", "2026 June 30"]),
    (
        form.day,
        "2026-06-30",
        ["the 30th of June, 2026", "Tuesday, 30 June 2026.", "**30 Jun. 2026**"],
    ),
    (form.day, "2026-06-30", ["until 30 June 2026", "Tue, Jun 30, 2026", "30 Jun 2026 (Tuesday)"]),
    (form.day, "2026-05-05", "5/5/2026 05.05.2026 2026-05-05T00:00:00Z"),
    (form.money, "9.90", "9.90 9,90 9.9 €9.90 9.90€ $9.90 EUR9.90"),
    (form.money, "9.90", ["9.90 EUR", "USD 9.90", "9,90 euros", " 9.90. "]),
    (form.money, "1234.00", "1234 1,234 1,234.00 1234.00"),
    (form.whole("credit"), 12, ["12", "12 credits", "Twelve", "**12**", "12.0", "twelve credits"]),
    (form.whole("credit"), 35, ["thirty-five", "Thirty five credits", "35 credits per photo"]),
    (form.whole("credit"), 1000, "1000 1,000"),
    (form.whole("credit"), 0, ["0", "zero", "0 credits"]),
    (
        PRESETS,
        ["restore", "upscale"],
        ["restore,upscale", "Restore then UPSCALE", '["restore","upscale"]'],
    ),
    (
        PRESETS,
        ["restore", "upscale"],
        ["restore -> upscale", "restore, then upscale", "restore upscale", "restore, or upscale"],
    ),
    (form.several("use-wifi", "wait"), ["use-wifi"], ["use Wi-Fi", "Use wifi", "use_wi-fi"]),
    (form.several("system", "version"), ["system", "version"], ["the system and its version"]),
    (
        form.one_of("handed-over", "done"),
        "handed-over",
        ["handed over", "HANDED_OVER", "Handed-over."],
    ),
    (
        form.number_like(r"t-\d+", "T-1"),
        "T-4101",
        ["T-4101", "t-4101", "#T-4101", "ticket T-4101."],
    ),
    (
        form.exact("net.example"),
        "data.norda.aps",
        ["data.norda.aps", "`Data.Norda.APS`", " data.norda.aps "],
    ),
]
REFUSED = [
    (form.day, ["03/04/2026", "30 June", "June", "31 June 2026", "30/06/26", "tomorrow", "2026"]),
    (form.money, ["1.000", "-3", "free", "9.99 or 5.00", "12 34", "9.999", "none"]),
    (form.whole("credit"), ["none", "12, 40", "12 or 40", "-3", "3.5", "12 photos", "some"]),
    (PRESETS, ["restoring", "restore, or not", "none", "sharpen"]),
    (form.one_of("handed-over", "done"), ["done, handed-over", "not done", "undone"]),
    (
        form.number_like(r"t-\d+", "T-1"),
        ["4101", "T-4101 or T-4102", "T-", "xT-4101", "soon", "not T-4101"],
    ),
    (form.exact("net.example"), ["do not enter data.norda.aps", "", "''"]),
]


@pytest.mark.parametrize(("kind", "kept", "written"), READ)
def test_one_fact_is_kept_however_it_is_written(kind: Any, kept: Any, written: Any) -> None:
    forms = written.split() if isinstance(written, str) else written

    assert {text: kind.read(text) for text in forms} == dict.fromkeys(forms, kept)


@pytest.mark.parametrize(("kind", "texts"), REFUSED)
def test_what_is_not_one_fact_for_certain_is_refused(kind: Any, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(ValueError):
            pytest.fail(f"{text!r} was taken for {kind.read(text)!r}")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Suite]:
    """Glowup's tool, on a new database."""
    suite = Suite(ROOT, "glowup", tmp_path)
    suite.database.write_bytes(suite.new)
    yield suite


def said(desk: Suite, *argv: str) -> str:
    """The reply, or the error, of one call."""
    found = json.loads(desk.call(*argv)[1])
    return found.get("error") or json.dumps(found.get("facts", found))


def test_a_reply_is_sent_once_and_nothing_is_done_after_it(desk: Suite) -> None:
    over = "the customer has the reply already, and nothing can be done after it"

    first = said(desk, "reply", "u-3001", "--text", "Hi", "--outcome", "answered", "--credits=12")

    assert first == '{"outcome": "answered", "credits": 12}'
    assert said(desk, "reply", "u-3001", "--text", "Hi", "--outcome", "answered") == over
    assert said(desk, "enhance", "p-2001", "--preset", "light") == over
    assert "12" in said(desk, "credits", "u-3001")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--text", "Hi"], "--outcome is missing"),
        (["--text", "Hi", "--outcome", "refused"], "--reason is missing"),
        (["--text", "Hi", "--outcome", "answered", "--creditz", "3"], "there is no --creditz"),
        (["--text", "x" * 1201, "--outcome", "answered"], "has 1201 characters; at most 1200"),
        (["--outcome", "answered"], "write it like this: USER --text TEXT"),
        (["--text", "Hi", "--outcome", "answered", "more"], "write it like this"),
        (
            ["--text", "Hi", "--outcome", "answered", "--until", "03/04/2026"],
            "--until '03/04/2026' is not read; write a date, such as 2025-01-31, or leave it out",
        ),
        (
            ["--text", "Hi", "--outcome", "answered", "--credits", "12", "--credits", "40"],
            "--credits '12, 40' is not read; write a whole number of credits",
        ),
    ],
)
def test_a_reply_that_is_refused_says_how_it_is_written_and_may_be_sent_again(
    desk: Suite, options: list[str], why: str
) -> None:
    assert why in said(desk, "reply", "u-3001", *options)

    assert "done" in said(desk, "reply", "u-3001", "--text", "Hi", "--outcome", "done")


def test_the_help_has_every_fact_its_form_and_no_value_of_a_customer(desk: Suite) -> None:
    told = desk.call("help")[1]

    assert "--credits: how many credits the customer can spend now" in told
    assert "(a date, such as 2025-01-31)" in told
    assert "u-30" not in told


@pytest.mark.parametrize(
    "act",
    [
        "INSERT INTO replies VALUES ('u-3001', '{}', 'Hi')",
        'UPDATE replies SET facts = \'{"outcome": "answered", "credits": 13}\'',
        "DELETE FROM replies",
        "DROP TRIGGER calls_are_kept; DELETE FROM calls WHERE id = 1",
    ],
)
def test_a_reply_that_the_log_does_not_tell_of_fails(desk: Suite, act: str) -> None:
    task = ROOT / "tasks/credit-balance"
    right = ("--outcome", "answered", "--credits", "12", "--preset", "light")
    desk.call("credits", "u-3001")
    desk.call("reply", "u-3001", "--text", "12.", *right)
    assert desk.passes(task)[0]

    with closing(sqlite3.connect(desk.database)) as db:
        db.executescript(act)
        db.commit()

    assert not desk.passes(task)[0]
