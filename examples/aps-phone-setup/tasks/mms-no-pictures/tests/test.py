"""The MMS settings are missing: they alone are sent, after a look at the line."""

from aps import Aps

desk = Aps("c-2004")
desk.looked_up_before(("diagnose", "l-5004"), ("push", "*"))
desk.changed(("push", "l-5004", "mms"))
desk.says("outcome", "done")
desk.says("sent", ["mms"])
desk.says_all("next", "restart", beside=("accept-settings", "wait"))
desk.may_say("reason", "settings")
desk.may_say_menu("mms")
desk.kept_to("l-5004")
desk.close()
