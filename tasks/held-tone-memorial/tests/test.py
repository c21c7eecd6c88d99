"""Restore, 5 credits, the original stays; nothing is run."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("photo", "p-2010")
desk.changed()
desk.says("the preset", r"restor")
desk.says("its price", r"\b(5|five) credits")
desk.says("that nothing can be lost", r"original|\bcopy\b")
desk.close()
