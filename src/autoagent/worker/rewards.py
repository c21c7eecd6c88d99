"""The number that counts of what a verifier left (rule R3)."""

import math
from collections.abc import Mapping

Rewards = Mapping[str, float | int] | None


def reward_of(rewards: Rewards, key: str | None) -> tuple[float | None, str]:
    """The number that counts, within 0..1: the key's, `reward`, or the mean of all there are.

    Args:
        rewards: The verifier's.
        key: `benchmark.reward_key`.

    Returns:
        The number and "", or None and why there is none.
    """
    if not rewards:
        return None, "the verifier left no reward"
    if key is not None and key not in rewards:
        return None, f"the verifier left {sorted(rewards)} and no {key!r} (benchmark.reward_key)"
    values = _counted(rewards, key)
    if bad := [value for value in values if not math.isfinite(value) or not 0.0 <= value <= 1.0]:
        return None, f"the verifier's reward {bad[0]!r} is outside 0..1"
    return float(sum(values) / len(values)), ""


def is_outside(rewards: Rewards, key: str | None) -> str:
    """What is wrong with a number that counts, if there is one; "" is nothing."""
    if not rewards or (key is not None and key not in rewards):
        return ""
    return reward_of(rewards, key)[1]


def _counted(rewards: Mapping[str, float | int], key: str | None) -> list[float | int]:
    name = key or "reward"
    return [rewards[name]] if name in rewards else [*rewards.values()]
