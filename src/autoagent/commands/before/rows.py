"""What a check of `autoagent doctor` says: one row, and the remedy where it fails."""

import sqlite3
from collections.abc import Callable
from typing import Literal, NamedTuple

from autoagent.errors import AutoAgentError
from autoagent.records import Record

State = Literal["ok", "note", "fail", "skip"]
"""A `note` is worth knowing; a check is skipped where another one must be mended first."""


class Told(NamedTuple):
    """What a check that did not fail has to say."""

    detail: str
    state: State = "ok"


class Check(Record):
    """One row. A failing one says in `fix` what to do, where its detail does not."""

    name: str
    state: State
    detail: str
    fix: str = ""


def checked(name: str, look: Callable[[], Told], fix: str | Callable[[str], str] = "") -> Check:
    """Make a check; an error of ours, or of the machine's, is a row that fails and says so."""
    try:
        told = look()
        return Check(name=name, state=told.state, detail=told.detail)
    except AutoAgentError as error:
        said = error.message
    except OSError as error:
        said = f"{error.filename or name}: {error.strerror}"
    except (sqlite3.Error, ValueError) as error:  # a journal that is damaged beyond its events
        said = f"cannot be read: {error}"
    told = fix if isinstance(fix, str) else fix(said)
    return Check(name=name, state="fail", detail=said, fix=told)
