"""Glowup's desk: what is true of a customer there, whatever they asked."""

from check import Desk

PRICES = {"light": 1, "denoise": 2, "portrait": 3, "upscale": 4, "restore": 5}


class Glowup(Desk):
    """One trial at Glowup's desk, for the customer who is signed in."""

    TRUTHS = {  # noqa: RUF012
        "credits": "SELECT iif(expires_on < today, 0, credits) FROM accounts, desk "
        "WHERE user = :user",
        "until": "SELECT expires_on FROM accounts WHERE user = :user",
        "ticket": "SELECT 'T-' || (4100 + id) FROM tickets",
        "paid-back": "SELECT printf('%.2f', coalesce(sum(amount), 0)) FROM orders "
        "WHERE user = :user AND state = 'paid back'",
        "returned": "SELECT coalesce(sum(returned), 0) FROM jobs JOIN photos ON photo = photos.id "
        "WHERE user = :user",
        "original": "SELECT 'kept'",
    }

    def __init__(self, user: str) -> None:
        super().__init__("glowup", user)

    def close(self) -> None:
        """Also true, where nothing else is expected: the presets that were run, and prices."""
        run = [call[2] for call in self.changes if call[0] == "enhance"]
        cost = sum(PRICES[preset] for preset in self._stated("preset") or run)
        left = [] if run else self._found(self.TRUTHS["credits"])
        true = {
            "preset": [run],
            "cost": [cost],
            "missing": [max(0, cost - int(str(credits))) for credits in left] or [0],
        }
        if "next" in self.facts.keys() - self.expected:
            self.says_some("next", "use-credits", "buy-credits")
        for fact in true.keys() - self.expected:
            self.may_say(fact, *true[fact])
        super().close()
