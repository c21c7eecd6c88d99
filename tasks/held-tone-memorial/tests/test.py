"""Restore, 5 credits, the original stays; nothing is run."""

from glowup import Glowup

desk = Glowup("u-3023")
desk.looked_up("photo", "p-2010")
desk.changed()
desk.says("outcome", "answered")
desk.says("preset", ["restore"])
desk.says("cost", 5)
desk.says("original", "kept")
desk.close()
