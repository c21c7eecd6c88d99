"""Expired credits are no balance: the customer learns that, and since when."""

from lumen import Lumen

desk = Lumen("u-1002")
desk.says("outcome", "answered", "refused")
desk.says("credits", 0)
desk.says("expires", "2026-02-01")
desk.may_say("reason", "expired")
desk.kept_to("u-1002")
desk.changed()
desk.close()
