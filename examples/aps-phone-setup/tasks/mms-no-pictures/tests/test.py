"""The MMS settings are missing: they alone are sent, after a look at the line."""

from check import Desk

desk = Desk("aps")
desk.looked_up_before(("diagnose", "l-5004"), ("push", "*"))
desk.changed(("push", "l-5004", "mms"))
desk.says("what was wrong", r"\bmms\b|picture messag|multimedia")
desk.says_restart()
desk.close()
