"""Restore, once, after a look at the photo; 11 of the 16 credits are left."""

from glowup import Glowup

desk = Glowup("u-3026")
desk.looked_up_before(("photo", "p-2003"), ("enhance", "p-2003"))
desk.changed(("enhance", "p-2003", "restore"))
desk.holds("credits left", "SELECT credits FROM accounts WHERE user = 'u-3026'", 11)
desk.says("outcome", "done")
desk.says("credits", 11)
desk.may_say("preset", ["restore"])
desk.may_say("cost", 5)
desk.close()
