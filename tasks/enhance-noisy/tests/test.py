"""Denoise, once, after a look at the photo; 9 of the 11 credits are left."""

from glowup import Glowup

desk = Glowup("u-3007")
desk.looked_up_before(("photo", "p-2005"), ("enhance", "p-2005"))
desk.changed(("enhance", "p-2005", "denoise"))
desk.holds("credits left", "SELECT credits FROM accounts WHERE user = 'u-3007'", 9)
desk.says("outcome", "done")
desk.says("credits", 9)
desk.may_say("preset", ["denoise"])
desk.close()
