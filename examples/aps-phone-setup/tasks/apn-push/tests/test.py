"""Diagnose, then send the internet's settings, and no others; the phone has to be restarted."""

from aps import Aps

desk = Aps("c-2003")
desk.looked_up_before(("diagnose", "l-5003"), ("push", "*"))
desk.changed(("push", "l-5003", "internet"))
desk.says("outcome", "done")
desk.says("sent", ["internet"])
desk.says_all("next", "restart", beside=("accept-settings", "wait"))
desk.may_say("reason", "settings")
desk.may_say_menu("apn")
desk.kept_to("l-5003")
desk.close()
