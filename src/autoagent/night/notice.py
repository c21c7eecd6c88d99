"""Telling the human how the night goes: a webhook, and the desktop where there is one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx2

from autoagent.evidence.position import Position

Log = Callable[[str, str], None]
"""Takes a kind of event and a sentence about it."""

TRIES = 3
SECONDS = 10.0
DESKTOP = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY")


def facts(root: Path, position: Position, event: str, message: str) -> dict[str, Any]:
    """What the human is told of a climb at `root`, as JSON."""
    best, certified = position.incumbent, position.certificate
    return {
        "workspace": str(root),
        "event": event,
        "message": message,
        "climb": position.tag,
        "phase": position.phase,
        "rows": position.rows,
        "baseline_passed": position.baseline_passed,
        "passed": best.score.passed if best else None,
        "expected": best.score.expected if best else None,
        "certificate": certified.model_dump(mode="json") if certified else None,
        "code": None,
    }


def somebody(webhook: str | None) -> bool:
    """Whether there is anybody to tell."""
    return webhook is not None or _desktop() is not None


async def tell(told: dict[str, Any], webhook: str | None, log: Log) -> None:
    """Send what `facts` made; what cannot be sent is logged, and changes nothing."""
    if webhook is not None:
        await _post(told, webhook, log)
    if program := _desktop():
        await _show(program, str(told["message"]), log)


def _desktop() -> str | None:
    """The program that shows a line, where somebody may see it."""
    return shutil.which("notify-send") if any(map(os.environ.get, DESKTOP)) else None


async def _show(program: str, message: str, log: Log) -> None:
    try:
        with anyio.fail_after(SECONDS):
            done = await anyio.run_process([program, "--", "AutoAgent", message], check=False)
    except (OSError, TimeoutError) as error:
        log("unsent", f"{program} did not show it: {error or type(error).__name__}")
    else:
        log("notified", f"the desktop ({program} exits {done.returncode})")


async def _post(told: dict[str, Any], webhook: str, log: Log) -> None:
    why = ""
    async with httpx2.AsyncClient(timeout=SECONDS) as client:
        for attempt in range(TRIES):
            await anyio.sleep(attempt)
            try:
                (await client.post(webhook, json=told)).raise_for_status()
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                why = f"{type(error).__name__}: {error}"
            else:
                log("notified", "the webhook")
                return
    log("unsent", f"the webhook did not take it: {why}")
