"""The server over Streamable HTTP: on this machine's loopback, and only to who has the token.

The token is compared by its digest, in constant time, and is never written anywhere from here: no
access log, no header in a message. A browser that somebody lured is kept out by Host and Origin.
"""

import hashlib
import hmac
import ipaddress
import logging
import secrets
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from autoagent.errors import ConfigError, InfrastructureFault
from autoagent.files import read_regular, write_durably
from autoagent.server.app import plain_logging, server_of
from autoagent.workspace.layout import open_workspace
from autoagent.workspace.tier import peer_of, tier

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)

PATH = "/mcp"
TOKEN_FILE = "token"
SESSION_SECONDS = 24 * 3600.0
"""A session outlives any pause of its client: one evaluation may take hours."""
GOODBYE_SECONDS = 2
TOKEN_BYTES = 32


def serve(root: Path, address: str) -> None:
    """Serve the workspace at `root` over HTTP until the process is ended.

    Whom it serves and by which token `autoagent separate` wrote down. Where nobody did, the
    token is in the state directory, made by the first start, and the tier is 0.

    Raises:
        ConfigError: The address is not on this machine's loopback.
        InfrastructureFault: It is taken.
        WorkspaceError: The workspace cannot be opened.
    """
    plain_logging()
    host, port = loopback(address)
    workspace = open_workspace(root)
    peer = peer_of(workspace.state)
    found = tier(peer, workspace)
    digest = peer.token_sha256 if peer else hashed(own_token(workspace.state / TOKEN_FILE))
    with suppress(KeyboardInterrupt), listening(host, port) as listener:  # a human ends it so
        bound = listener.getsockname()[1]
        server = server_of(root, found)
        told = "" if peer else f"; the token is in {workspace.state / TOKEN_FILE}"
        sys.stderr.write(f"autoagent: {url(host, bound)}, {found}{told}\n")
        sys.stderr.flush()
        config = uvicorn.Config(
            guarded_app(server, host, bound, digest),
            access_log=False,
            log_config=None,
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=GOODBYE_SECONDS,
        )
        uvicorn.Server(config).run(sockets=[listener])


def guarded_app(server: "MCPServer", host: str, port: int, token_sha256: str) -> "ASGIApp":
    """The MCP endpoint behind the token; Host and Origin must name this very listener."""
    names = {_shown(host), "localhost"}
    security = TransportSecuritySettings(
        allowed_hosts=[f"{name}:{port}" for name in sorted(names)],
        allowed_origins=[f"http://{name}:{port}" for name in sorted(names)],
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        session_idle_timeout=SESSION_SECONDS,
        transport_security=security,
        host=host,
    )
    return Guard(app, token_sha256)


class Guard:
    """Lets a request through that carries the token, and answers every other with 401."""

    def __init__(self, app: "ASGIApp", token_sha256: str) -> None:
        """Name what is guarded, and the SHA-256 of the token that opens it."""
        self._app, self._token_sha256 = app, token_sha256

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """One request; the start and the end of the server pass."""
        if scope["type"] == "lifespan" or self._admits(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "The bearer token is missing or wrong.",
            status_code=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
        await refusal(scope, receive, send)

    def _admits(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        same = hmac.compare_digest(hashed(token.strip()), self._token_sha256)
        return same and kind.lower() == "bearer"


def loopback(address: str) -> tuple[str, int]:
    """The host and port of `127.0.0.1:8390` or `[::1]:8390`; port 0 takes a free one.

    Raises:
        ConfigError: It is no such thing, or reachable from other machines.
    """
    host, _, port = address.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    try:
        good = ipaddress.ip_address(host).is_loopback and 0 <= int(port) <= 65535
    except ValueError:
        good = False
    if not good:
        raise ConfigError(
            f"--http is {address!r}; only this machine's loopback is served.",
            "`--http 127.0.0.1:8390`",
        )
    return host, int(port)


def listening(host: str, port: int, remedy: str = "another port in --http") -> socket.socket:
    """A listener on a loopback address.

    Raises:
        InfrastructureFault: The port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InfrastructureFault(
            f"Port {port} of {host} cannot be used: {error.strerror}.", remedy
        ) from error


def url(host: str, port: int) -> str:
    """Where clients find the server."""
    return f"http://{_shown(host)}:{port}{PATH}"


def own_token(place: Path) -> str:
    """The token of a server that nobody separated, made where there is none."""
    try:
        return read_regular(place).decode().strip()
    except FileNotFoundError:
        write_durably(place, new_token().encode())  # in a directory of mode 0700
        place.chmod(0o600)
        return own_token(place)


def new_token() -> str:
    """A token nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """What is compared, and what a separated server keeps."""
    return hashlib.sha256(token.encode()).hexdigest()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
