"""A new e-SIM, once, its code and the menu of the phone's version, and Wi-Fi."""

from aps import Aps

desk = Aps("c-2009")
desk.changed(("issue-esim", "l-5009"))
desk.says("outcome", "done", "answered")
desk.says_true("code")
desk.says("server", "smdp.aps.example")
desk.says_menu("esim")
desk.says("next", ["use-wifi"])
desk.may_say("reason", "deleted")
desk.kept_to("l-5009")
desk.close()
