"""A reset, once; the PIN comes as a text, and is not told here."""

from aps import Aps

desk = Aps("c-2011")
desk.changed(("reset-pin", "l-5011"))
desk.says("outcome", "done")
desk.says("pin", "text")
desk.may_do("wait")
desk.kept_to("l-5011")
desk.close()
