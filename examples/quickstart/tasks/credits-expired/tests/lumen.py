"""Lumen's desk: what is true of a customer there, whatever they asked."""

from check import Desk


class Lumen(Desk):
    """One trial at Lumen's desk, for the customer who is signed in."""

    TRUTHS = {  # noqa: RUF012
        "credits": "SELECT iif(expires_on < today, 0, credits) FROM accounts, desk "
        "WHERE user = :user",
        "expires": "SELECT expires_on FROM accounts WHERE user = :user",
        "ticket": "SELECT 'T-' || (4100 + id) FROM tickets",
        "paid-back": "SELECT printf('%.2f', coalesce(sum(refunds.amount), 0)) "
        "FROM refunds JOIN orders USING (id) WHERE user = :user",
    }

    def __init__(self, user: str) -> None:
        super().__init__("lumen", user)

    def close(self) -> None:
        """Also true, where nothing else is expected: what credits can be spent on."""
        if "uses" in self.facts.keys() - self.expected:
            self.says_some("uses", "enhance", "restore", "upscale")
        super().close()

    def paid_back(self, order: str, amount: str) -> None:
        """This order was looked at, then so much of it paid back, and nothing else changed."""
        found = {tuple(call) for call in self.calls if call[0] in ("order", "orders")}
        looked = ("order", order) if ("order", order) in found else ("orders", self.user)
        self.looked_up_before(looked, ("refund", "*"))
        self.changed(("refund", order))
        self.holds("paid back", "SELECT amount FROM refunds", amount)
        self.says("outcome", "done")
        self.says("paid-back", amount)
