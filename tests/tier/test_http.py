"""`autoagent serve --http`: the same server, to whoever on this machine has the token."""

import signal
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from autoagent.errors import ConfigError, InfrastructureFault
from autoagent.server.http import listening, loopback

from .conftest import Server

JSON = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@asynccontextmanager
async def connected(url: str, token: str, mode: str, name: str = "test") -> AsyncGenerator[Client]:
    me = Implementation(name=name, version="1")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, client_info=me) as client,
    ):
        yield client


def posted(url: str, **headers: str) -> httpx2.Response:
    return httpx2.post(url, json=PING, headers=JSON | headers)


async def test_both_eras_are_served_over_http(serve_http: Server, token: str) -> None:
    for mode in ("auto", "legacy"):
        async with connected(serve_http.url, token, mode) as client:
            assert len((await client.list_tools()).tools) == 13
            reply: Any = (await client.call_tool("status", {})).structured_content
            assert reply["phase"] == "new"
            assert reply["tier"].startswith("tier 0 (same user)")
            assert token not in str(reply)


async def test_two_sessions_are_told_of_each_other(serve_http: Server, token: str) -> None:
    """By the session's id, or where the protocol has none by how each counts its requests."""
    for mode, names in (
        ("legacy", ("one", "one")),
        ("auto", ("two", "three")),
        ("auto", ("four", "four")),
    ):
        async with (
            connected(serve_http.url, token, mode, names[0]) as first,
            connected(serve_http.url, token, mode, names[1]) as second,
        ):
            told = [str((await each.call_tool("status", {})).structured_content["message"])  # pyright: ignore
                    for each in (first, second, first)]  # fmt: skip
        assert [f'Another session ("{names[k]} 1")' in told[n] for n, k in ((1, 0), (2, 1))] == [
            True,
            True,
        ], told


def test_nobody_gets_in_without_the_token(serve_http: Server, token: str) -> None:
    url = serve_http.url
    right = f"Bearer {token}"
    for given in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer {token}x"},
                  {"Authorization": token}, {"Authorization": f"Basic {token}"},
                  {"X-Token": token}):  # fmt: skip
        refused = posted(url, **given)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    twice = [*JSON.items(), ("Authorization", right), ("Authorization", right)]
    assert httpx2.post(url, json=PING, headers=twice).status_code == 401
    assert httpx2.get(f"{url}?token={token}").status_code == 401
    assert httpx2.get(url.removesuffix("/mcp")).status_code == 401
    assert token not in serve_http.stop()


def test_a_page_in_a_browser_gets_nowhere_even_with_the_token(
    serve_http: Server, token: str
) -> None:
    given = {"Authorization": f"Bearer {token}"}
    evil: tuple[dict[str, str], ...] = (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
    )
    answers = [posted(serve_http.url, **given, **headers).status_code for headers in evil]
    assert answers == [403, 403, 403, 421, 421]
    assert token not in serve_http.stop()


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:8390", "192.168.1.2:8390", "[::]:8390", "example.com:8390", "8390", ":8390",
     "127.0.0.1:70000", "127.0.0.1"],
)  # fmt: skip
def test_only_loopback_is_served(address: str) -> None:
    with pytest.raises(ConfigError, match="only this machine's loopback"):
        loopback(address)


def test_a_loopback_address_is_taken_apart() -> None:
    assert loopback("localhost:8390") == ("127.0.0.1", 8390)
    assert loopback("[::1]:0") == ("::1", 0)


def test_an_interrupt_ends_the_server_without_a_word(serve_http: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):  # it serves, so it listens to signals
        urllib.request.urlopen(serve_http.url, timeout=20)
    serve_http.process.send_signal(signal.SIGINT)
    assert "Traceback" not in serve_http.process.communicate(timeout=20)[1]
    assert serve_http.process.returncode == 0


def test_a_taken_port_is_told() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureFault, match=f"Port {port} of 127.0.0.1 cannot be used"):
            listening("127.0.0.1", port)
