"""How the facts of APS's phone desk are written: many forms are read, and a doubtful one is not."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from ..answering import ROOT, Suite

State = Callable[[str, str], Any]
APN = ["settings", "connections", "mobile networks", "access point names"]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return Suite(ROOT / "examples/aps-phone-setup", "aps", tmp_path_factory.mktemp("aps"))


@pytest.fixture
def state(suite: Suite) -> State:
    """What the tool reads in a fact, or None where it refuses the reply and sends nothing."""

    def state(fact: str, written: str) -> Any:
        suite.database.write_bytes(suite.new)
        options = ("--text", "Hello.", "--outcome", "answered", f"--{fact}", written)
        code, said = suite.call("reply", "c-2001", *options)
        reply = json.loads(said)
        assert (code == 1) == ("error" in reply)
        with closing(sqlite3.connect(suite.database)) as db:
            assert db.execute("SELECT count(*) FROM replies").fetchone() == (1 - code,)
        if code:
            assert f"--{fact}" in reply["error"] and "or leave it out" in reply["error"]
            return None
        return reply["facts"][fact]

    return state


@pytest.mark.parametrize(
    ("fact", "value", "forms"),
    [
        (
            "menu",
            APN,
            (
                "Settings > Connections > Mobile networks > Access Point Names",
                "SETTINGS→CONNECTIONS→MOBILE NETWORKS→ACCESS POINT NAMES.",
                "1. Settings\n2. Connections\n3. Mobile networks\n4. Access Point Names (APN)",
                "Open the Settings app, tap Connections, then Mobile networks and then choose "
                "Access Point Names",
                "under **Settings / Connections / Mobile networks / Access Point Names**",
            ),
        ),
        ("menu", APN[1:], ("Connections, then Mobile networks, then Access Point Names",)),
        ("menu", ["network & internet", "sims"], ("Network and internet | SIMs",)),
        ("menu", ["mobile data", "mobile data network"], ("Mobile Data, Mobile Data Network",)),
        ("apn", "data.norda.aps", ("data.norda.aps", "`Data.Norda.APS`", "data.norda.aps.")),
        ("apn-user", "none", ("none", "Leave it empty", "left blank", "(empty)", "—", "n/a")),
        ("apn-password", "aPs", ("aPs", "'aPs'")),
        ("code", "APS-1A2B-3C", ("APS-1A2B-3C", "aps-1a2b-3c", "your new code: APS-1A2B-3C")),
        (
            "esim-from",
            "12",
            ("12", "12.0", "12+", "12 or later", "version 12", "from 12 on", "≥12", "v12"),
        ),
        (
            "esim-from",
            "android 12",
            ("Android 12 (or later)", "android version 12 and up", ">= Android 12"),
        ),
        ("esim-from", "oneui 5", ("One UI 5", "OneUI 5.0 or newer")),
        ("price", "5.00", ("5.00", "5", "5,00 a day", "€5.00 per day", "5 EUR/day", "$5 daily")),
        ("zone", 2, ("2", "zone 2", "Zone two")),
        ("until", "18:00", ("18:00", "18.00", "18", "6 pm", "6:00 p.m.", "by 18:00 today")),
        (
            "until",
            "18:00",
            ("18 o'clock", "today, at 6 in the evening", "18h00", "6PM", "18:00 (today)"),
        ),
        ("until", "06:00", ("06:00", "6 am")),
        ("dial", "121", ("121", "call 121", "the number is 121")),
        ("next", ["accept-settings", "restart"], ("accept settings, then restart",)),
    ],
)
def test_a_fact_is_read_in_many_forms(
    state: State, fact: str, value: object, forms: tuple[str, ...]
) -> None:
    assert [state(fact, form) for form in forms] == [value] * len(forms)


@pytest.mark.parametrize(
    ("fact", "forms"),
    [
        ("menu", ("not Settings > SIMs", "Settings > Cellular or Mobile Data", "somewhere")),
        ("menu", ("SIMs < Network & internet < Settings", "Settings > SIMs > Add")),
        ("apn", ("Do NOT enter data.norda.aps", "data.norda.aps or web.vela.aps")),
        ("apn-user", ("not aps", "aps or none")),
        ("code", ("anything but APS-1A2B-3C", "APS-1A2B-3C or APS-1A2B-3D", "APS", "1A2B")),
        ("esim-from", ("below 12", "not 12", "12.1", "12 to 14", "soon")),
        ("price", ("5.00 a week", "5.00 per MB", "-5", "5 or 2", "about 5.00")),
        ("zone", ("not 2", "1 or 2")),
        ("until", ("6:00", "6", "18:00 tomorrow", "not before 18:00", "25:00", "18:75", "18 pm")),
        ("dial", ("never 121", "121 or 112", "voicemail")),
        ("pin", ("no text", "4711")),
        ("next", ("no restart", "restart the modem")),
    ],
)
def test_what_may_mean_something_else_is_refused_with_the_form(
    state: State, fact: str, forms: tuple[str, ...]
) -> None:
    assert [state(fact, form) for form in forms] == [None] * len(forms)


def test_every_guide_is_read_as_it_stands(suite: Suite, state: State) -> None:
    with closing(sqlite3.connect(suite.app.parent / "new.db")) as db:
        guides = [steps for (steps,) in db.execute("SELECT steps FROM guides")]

    assert len(guides) > 10
    assert [state("menu", steps) for steps in guides] == [g.lower().split(" > ") for g in guides]


def test_no_example_of_the_form_is_what_some_task_wants_to_hear(suite: Suite) -> None:
    _, told = suite.call("help")
    with closing(sqlite3.connect(suite.app.parent / "new.db")) as db:
        secret = db.execute(
            "SELECT apn FROM networks UNION SELECT server FROM esims UNION SELECT code FROM esims "
            "UNION SELECT number FROM voicemail UNION SELECT steps FROM guides"
        ).fetchall()

    assert len(secret) > 15
    assert [value for (value,) in secret if value.lower() in told.lower()] == []
