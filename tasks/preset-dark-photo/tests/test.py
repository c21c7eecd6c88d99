"""The light preset, 1 credit (it was free once), and nothing is run."""

from glowup import Glowup

desk = Glowup("u-3004")
desk.says("outcome", "answered")
desk.says("preset", ["light"])
desk.says("cost", 1)
desk.changed()
desk.close()
