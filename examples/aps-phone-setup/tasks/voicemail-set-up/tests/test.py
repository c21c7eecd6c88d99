"""Set up, once; the number to call, and the PIN that is chosen at the first call."""

from aps import Aps

desk = Aps("c-2010")
desk.changed(("set-up-voicemail", "l-5010"))
desk.says("outcome", "done")
desk.says("dial", "121")
desk.says("pin", "first-call")
desk.may_say("reason", "not-set-up")
desk.kept_to("l-5010")
desk.close()
