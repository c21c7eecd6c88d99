"""Seven times 5 is 35, the balance is 32: no, three are missing."""

from glowup import Glowup

desk = Glowup("u-3003")
desk.says("outcome", "answered", "refused")
desk.says("cost", 35)
desk.says("missing", 3)
desk.may_say("preset", ["restore"])
desk.may_say("reason", "too-few-credits")
desk.kept_to("u-3003")
desk.changed()
desk.close()
