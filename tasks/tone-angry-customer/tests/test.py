"""The credits came back by themselves, the original is unharmed, and nothing is run unasked."""

from glowup import Glowup

desk = Glowup("u-3021")
desk.looked_up("photo", "p-2009")
desk.changed()
desk.says("outcome", "answered")
desk.says("returned", 5)
desk.says("original", "kept")
desk.may_say("next", ["try-again"], ["try-again", "use-credits"])
desk.may_say("preset", ["restore"])
desk.may_say("cost", 0, 5)
desk.close()
