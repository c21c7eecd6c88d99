"""The balance shows 40, but the credits expired: none, the date, and a way to new ones."""

from glowup import Glowup

desk = Glowup("u-3002")
desk.says("outcome", "answered", "refused")
desk.says("credits", 0)
desk.says("until", "2026-02-28")
desk.says("next", ["buy-credits"])
desk.may_say("reason", "expired")
desk.kept_to("u-3002")
desk.changed()
desk.close()
