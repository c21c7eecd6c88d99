"""Without an account there is no balance to tell: the desk asks for the e-mail address."""

from lumen import Lumen

desk = Lumen("u-9999")
desk.says("outcome", "asked", "refused")
desk.says("ask", ["email"])
desk.may_say("reason", "no-account")
desk.kept_to("u-9999")
desk.changed()
desk.close()
