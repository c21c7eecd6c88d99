"""What a verifier left, on its way out of an environment (threat C1)."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from autoagent.environments.trees import remove_tree

REWARD_LIMIT_BYTES = 64 * 1024
REWARDS = ("reward.txt", "reward.json")


@contextlib.asynccontextmanager
async def taking_out(source: str, target: Path) -> AsyncGenerator[None]:
    """While a directory of a trial's is copied to the host; what the verifier left is looked at.

    Where its files go, nothing may lie yet: a reward planted there on the host would be read as
    the verifier's. A reward is a number: a file that holds more than 64 kB counts as none (C1).
    """
    verifiers = os.path.normpath(source) == "/logs/verifier"
    if verifiers:
        await asyncio.to_thread(remove_tree, target)
    yield
    for name in REWARDS if verifiers else ():
        path = target / name
        if path.is_file() and path.stat().st_size > REWARD_LIMIT_BYTES:
            path.unlink()
