"""Restore, once, after a look at the photo; 11 of the 16 credits are left."""

from check import Desk

desk = Desk("glowup")
desk.looked_up_before(("photo", "p-2003"), ("enhance", "p-2003"))
desk.changed(("enhance", "p-2003", "restore"))
desk.holds("credits left", "SELECT credits FROM accounts WHERE user = 'u-3026'", 11)
desk.says_number("what is left", 11)
desk.close()
