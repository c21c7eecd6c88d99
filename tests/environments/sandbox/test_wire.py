"""Messages between the worker and a harness process: round trips, and whatever bytes come."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoagent.environments.sandbox.inside import wire
from autoagent.environments.sandbox.inside.zygote import imported_names

messages = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.text()),
    max_size=4,
)


def received(data: bytes) -> tuple[dict[str, Any], bytes] | None:
    async def read() -> tuple[dict[str, Any], bytes] | None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await wire.receive(reader)

    return asyncio.run(read())


@given(message=messages, blob=st.binary(max_size=200))
def test_a_message_reads_back_equal(message: dict[str, Any], blob: bytes) -> None:
    assert received(wire.pack(message, blob)) == (message, blob)


@given(data=st.binary(max_size=64))
def test_any_bytes_are_a_message_an_end_or_a_wire_error(data: bytes) -> None:
    try:
        result = received(data)
    except wire.WireError:
        return
    assert result is None or isinstance(result[0], dict)


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (2, 2**32 - 1)])
def test_a_length_beyond_the_limit_is_refused_before_anything_is_read(
    lengths: tuple[int, int],
) -> None:
    with pytest.raises(wire.WireError, match="too large"):
        received(wire.HEADER.pack(*lengths) + b"{}")


def test_the_libraries_a_harness_imports_are_found_without_running_it() -> None:
    source = b"""
import json, os.path as p
from harbor.agents.base import BaseAgent
from . import sibling
try:
    import tomllib
except ImportError:
    import tomli as tomllib
def later():
    import secret
raise SystemExit
"""
    assert imported_names(source) == ["json", "os.path", "harbor.agents.base", "tomllib", "tomli"]
    assert imported_names(b"def broken(") == []


ORDER = wire.Order(
    scratch="/scratch",
    file="/harness/agent.py",
    class_name="AutoAgent",
    model=None,
    task="t1",
    session="t1__x",
    instruction="Answer.",
    variables={"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"},
)


def test_an_order_is_read_as_it_was_sent() -> None:
    message, _ = received(wire.pack(ORDER._asdict())) or ({}, b"")

    assert wire.Order.read(message) == ORDER


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"class": "AutoAgent"}, "an order has scratch, file"),
        ({"task": None}, "`task` is a text, not None"),
        ({"model": 5}, "`model` is a text, not 5"),
        ({"variables": []}, "`variables` are texts by name"),
        ({"variables": {"A": 1}}, "`A` is a text, not 1"),
    ],
)
def test_a_message_that_is_no_order_is_refused_and_says_why(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(wire.WireError, match=said):
        wire.Order.read({**ORDER._asdict(), **changes})
