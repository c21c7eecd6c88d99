"""36 credits were used, so nothing is paid back; the 64 that are left stay."""

from glowup import Glowup

desk = Glowup("u-3011")
desk.looked_up("order", "o-7104")
desk.changed()
desk.says("outcome", "refused")
desk.says("reason", "used")
desk.says("credits", 64)
desk.may_say("paid-back", "0.00")
desk.close()
