"""The APN of the line's network, and the menu of the phone's system."""

from aps import Aps

desk = Aps("c-2001")
desk.says("outcome", "answered")
desk.says("apn", "data.norda.aps")
desk.says_menu("apn")
desk.may_say("reason", "settings")
desk.may_do("restart")
desk.kept_to("l-5001")
desk.changed()
desk.close()
