"""The trials in hand: the one registry, by Harbor's name of a trial.

Harbor makes environments and agents from import paths and hands nobody a reference to them; a
trial's name is all that both it and the worker know. The worker puts a trial in when Harbor starts
it and takes it out when it has ended.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autoagent.gateway.money.usage import Caller

if TYPE_CHECKING:  # only an evaluation with a judge waits for the gateway's imports
    from autoagent.gateway.reach import Door

MakeDoor = Callable[[int | None], "Door"]
"""Makes a way to the gateway, from a port of a loopback of its own or from the machine's."""


@dataclass
class TrialInHand:
    """What a trial's environment and its worker tell each other.

    Attributes:
        fault: What failed on our side: such a trial is void (rule R9).
        tampered: What the candidate did to the verification: such a trial scores 0.
        in_place: The verifier ran where the candidate had acted, with less to be said for it.
        as_left: The verifier started with what the candidate left at home: its task needs that.
        asked: The harness has called its environment.
        doors: How commands reach a model, by who calls, where they may.
    """

    fault: str | None = None
    tampered: str | None = None
    in_place: bool = False
    as_left: bool = False
    asked: bool = False
    doors: dict[Caller, MakeDoor] = field(default_factory=dict[Caller, MakeDoor])

    def note_tampering(self, said: str | None) -> None:
        """Remember what makes the trial tampered; what was said first stands."""
        self.tampered = self.tampered or said or None


in_hand: dict[str, TrialInHand] = {}
"""Trials by Harbor's name."""


def trial_in_hand(name: str) -> TrialInHand:
    """The trial of this name; one that no worker started begins here, with nothing known of it."""
    return in_hand.setdefault(name, TrialInHand())
