"""APS's desk: what is true of a customer's line there, whatever they asked."""

from check import Desk

NETWORK = "FROM lines JOIN networks ON networks.name = network WHERE customer = :user"
ESIM = "FROM lines JOIN esims ON line = lines.id WHERE customer = :user"
VOICEMAIL = (
    "FROM lines JOIN voicemail ON line = lines.id WHERE customer = :user AND state = 'set up'"
)
PHONE = "FROM lines JOIN devices ON model = phone WHERE customer = :user AND esim LIKE 'from %'"
FROM = "replace(esim, 'from version ', '')"
GUIDE = (
    "SELECT lower(steps) FROM lines JOIN devices ON model = phone JOIN guides USING (system) "
    "WHERE customer = :user AND CAST(version AS INTEGER) BETWEEN first AND last "
)
LOOKS = {"line", "device", "network", "guide", "diagnose", "esim", "voicemail", "rule"}


class Aps(Desk):
    """One trial at APS's desk, for the customer who is signed in."""

    TRUTHS = {  # noqa: RUF012
        "ticket": "SELECT 'T-' || (4100 + id) FROM tickets",
        "apn": f"SELECT apn {NETWORK}",
        "apn-user": f"SELECT iif(user = '', 'none', user) {NETWORK}",
        "apn-password": f"SELECT iif(password = '', 'none', password) {NETWORK}",
        "server": f"SELECT server {ESIM}",
        "code": f"SELECT upper(code) {ESIM} AND state = 'ready'",
        "esim-from": f"SELECT {FROM} {PHONE} UNION SELECT system || ' ' || {FROM} {PHONE}",
        "price": "SELECT '0.00' FROM lines WHERE customer = :user AND plan = 'Travel'",
        "zone": "SELECT CAST(substr(state, 16) AS INTEGER) FROM lines "
        "JOIN findings ON line = lines.id WHERE customer = :user AND state LIKE 'abroad in zone %'",
        "dial": f"SELECT number {VOICEMAIL}",
        "pin": "SELECT CASE pin WHEN 'chosen at the first call' THEN 'first-call' "
        f"WHEN 'sent as a text' THEN 'text' ELSE 'own' END {VOICEMAIL}",
    }

    def __init__(self, user: str) -> None:
        super().__init__("aps", user)

    def says_true(self, fact: str) -> None:
        """The reply states this fact as it is now."""
        self.says(fact, *self._found(self.TRUTHS[fact]))

    def says_menu(self, topic: str) -> None:
        """The reply states the guide's menus for the customer's phone; `Settings` goes unsaid."""
        menu = [str(steps).split(" > ") for steps in self._found(f"{GUIDE} AND topic = '{topic}'")]
        self.says("menu", *menu, *(steps[1:] for steps in menu))

    def may_say_menu(self, topic: str) -> None:
        """The reply need not state these menus, but may."""
        self.expected.add("menu")
        if "menu" in self.facts:
            self.says_menu(topic)

    def may_do(self, *steps: str) -> None:
        """What the customer can do now need not be stated; of it, this may."""
        if "next" in self.facts:
            self.says_some("next", *steps)

    def leaves_out(self, *facts: str) -> None:
        """The reply does not state these, true or not."""
        for fact in facts:
            self._states(fact, fact not in self.facts, "nothing")

    def close(self) -> None:
        """Also: something was looked up. What merely happens to be true passes no task."""
        self._check("looked something up", any(call[0] in LOOKS for call in self.calls))
        super().close()
