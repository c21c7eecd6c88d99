"""Mend first, upscale last, whatever order the customer names; 1 of 10 credits is left."""

from glowup import Glowup

desk = Glowup("u-3008")
desk.changed(("enhance", "p-2006", "restore"), ("enhance", "p-2006", "upscale"))
desk.holds("credits left", "SELECT credits FROM accounts WHERE user = 'u-3008'", 1)
desk.says("outcome", "done")
desk.says("credits", 1)
desk.may_say("preset", ["restore", "upscale"])
desk.close()
