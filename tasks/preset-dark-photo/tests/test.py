"""The light preset, 1 credit (it was free once), and nothing is run."""

from check import Desk

desk = Desk("glowup")
desk.says("the preset", r"\blight\b")
desk.says("its price", r"\b(1|one|a single) credit\b(?! each for)")
desk.never_says("that it is free", r"\bfree\b")
desk.looked_up("article", "*")
desk.changed()
desk.close()
