"""Telling the human that the night is over: a webhook, and the desktop where there is one."""

import os
import shutil
from typing import Any

import anyio
import httpx2

from autoagent.night.log import Log

TRIES = 3
SECONDS = 10.0
DESKTOP = ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY")


async def tell(facts: dict[str, Any], webhook: str | None, log: Log) -> None:
    """Send the facts of a night; what cannot be sent is logged, and changes nothing."""
    if webhook is not None:
        await _post(facts, webhook, log)
    program = shutil.which("notify-send")
    if program and any(os.environ.get(name) for name in DESKTOP):
        await _show(program, str(facts["message"]), log)


async def _show(program: str, message: str, log: Log) -> None:
    try:
        with anyio.fail_after(SECONDS):
            done = await anyio.run_process([program, "--", "AutoAgent", message], check=False)
    except (OSError, TimeoutError) as error:
        log("unsent", f"{program} did not show it: {error or type(error).__name__}")
    else:
        log("notified", f"the desktop ({program} exits {done.returncode})")


async def _post(facts: dict[str, Any], webhook: str, log: Log) -> None:
    why = ""
    async with httpx2.AsyncClient(timeout=SECONDS) as client:
        for attempt in range(TRIES):
            await anyio.sleep(attempt)
            try:
                (await client.post(webhook, json=facts)).raise_for_status()
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                why = f"{type(error).__name__}: {error}"
            else:
                log("notified", "the webhook")
                return
    log("unsent", f"the webhook did not take it: {why}")
