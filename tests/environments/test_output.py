"""What an exec prints arrives whole, however the daemon's packets are cut."""

import http.server
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, override

import docker
import pytest
import requests
from docker.errors import NotFound
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoagent.environments.docker.output import printed_by

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"


def frame(stream: int, text: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4) + text


class Daemon(socketserver.ThreadingUnixStreamServer):
    """Answers the start of every exec with `packets`, each sent at once."""

    packets: list[bytes]


class Answering(http.server.BaseHTTPRequestHandler):
    @override
    def address_string(self) -> str:
        return "a socket"

    @override
    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        assert isinstance(self.server, Daemon)
        for packet in self.server.packets:
            self.wfile.write(packet)
            self.wfile.flush()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with Daemon(str(tmp_path / "socket"), Answering) as served:
        threading.Thread(target=served.serve_forever, args=[0.01], daemon=True).start()
        yield served
        served.shutdown()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Any]:
    client = docker.APIClient(f"unix://{daemon.server_address!s}", version="1.41")
    yield client
    client.close()


def test_what_comes_in_one_packet_with_the_head_is_not_lost(daemon: Daemon, client: Any) -> None:
    daemon.packets = [HEAD + frame(1, b"unable to find user\r\n")]

    assert b"".join(printed_by(client, "e")) == b"unable to find user\r\n"


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    printed=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=200_000)), max_size=5),
    cuts=st.lists(st.integers(0, 2**20), max_size=6),
)
def test_every_byte_arrives_in_order_wherever_packets_are_cut(
    daemon: Daemon, client: Any, printed: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    sent = HEAD + b"".join(frame(stream, text) for stream, text in printed)
    ends = [0, *sorted(cut % (len(sent) + 1) for cut in cuts), len(sent)]
    daemon.packets = [sent[a:b] for a, b in zip(ends, ends[1:], strict=False)]

    assert b"".join(printed_by(client, "e")) == b"".join(text for _, text in printed)


def test_a_refusal_is_the_daemons_own(daemon: Daemon, client: Any) -> None:
    words = b'{"message": "No such exec instance: e"}'
    head = b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    daemon.packets = [head % len(words) + words]

    with pytest.raises(NotFound, match="No such exec instance: e"):
        list(printed_by(client, "e"))


def test_a_daemon_that_goes_away_is_told_as_that(daemon: Daemon, client: Any) -> None:
    daemon.packets = []

    with pytest.raises(requests.RequestException):
        list(printed_by(client, "e"))
