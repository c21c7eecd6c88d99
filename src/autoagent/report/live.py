"""The page while the climb goes on: drawn when something moved, and served to this machine alone.

It only reads. A browser that somebody lured here is kept out by the Host it must name, and the
page's policy admits one script, which asks this server for the page again and nothing else.
"""

import secrets
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

HOSTS = ["127.0.0.1", "localhost"]
STALE_SECONDS = 30.0
"""A page that says how long ago something was is drawn anew after this, whatever happened."""
SHARE = 5
"""Between two drawings lies this many times what the last one took, so that trials have the CPU."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "script-src 'nonce-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Live:
    """The page of a climb, as new as it need be."""

    def __init__(self, head: Callable[[], str], draw: Callable[[str], str]) -> None:
        """Nothing is drawn before somebody asks.

        Args:
            head: Names the state that a page would show.
            draw: Makes the page; its script is admitted by a nonce.
        """
        self._head, self._draw = head, draw
        self._lock = anyio.Lock()
        self._seen: str = ""
        self._page, self._nonce, self._tag = "", "", ""
        self._drawn = self._next = float("-inf")

    def app(self) -> Starlette:
        """One page, for GET and HEAD."""
        return Starlette(
            routes=[Route("/", self._answer)],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)],
        )

    async def _answer(self, request: Request) -> Response:
        async with self._lock:
            await anyio.to_thread.run_sync(self._look)
            page, nonce, tag = self._page, self._nonce, self._tag
        headers = _HEADERS | {"ETag": tag, "Content-Security-Policy": _POLICY.format(nonce)}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(page, headers=headers)

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        head = self._head()
        if head == self._seen and now - self._drawn < STALE_SECONDS:
            return
        self._nonce = secrets.token_urlsafe(16)
        self._page = self._draw(self._nonce)
        self._seen, self._drawn, self._tag = head, now, f'"{self._nonce}"'
        self._next = now + SHARE * (time.monotonic() - now)
