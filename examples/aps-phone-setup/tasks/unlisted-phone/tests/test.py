"""Which system and version it has is asked, not guessed; nothing is sent."""

from aps import Aps

desk = Aps("c-2014")
desk.looked_up("device", "*")
desk.says("outcome", "asked")
desk.says_all("ask", "system", "version", beside=("phone", "problem"))
desk.may_say("reason", "unlisted", "settings")
desk.kept_to("l-5014")
desk.changed()
desk.close()
