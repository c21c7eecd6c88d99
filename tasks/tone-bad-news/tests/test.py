"""30 days are more than 14: no, why, and that the credits stay."""

from glowup import Glowup

desk = Glowup("u-3022")
desk.looked_up("order", "o-7107")
desk.changed()
desk.says("outcome", "refused")
desk.says("reason", "too-late")
desk.says("credits", 103)
desk.may_say("paid-back", "0.00")
desk.close()
