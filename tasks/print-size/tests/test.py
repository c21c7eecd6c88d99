"""1800 x 1240 is too small for A4; doubled, 3600 x 2480 is enough, for 4 of the 9 credits."""

from glowup import Glowup

desk = Glowup("u-3005")
desk.says("outcome", "answered")
desk.says("preset", ["upscale"])
desk.says("cost", 4)
desk.says("missing", 0)
desk.changed()
desk.close()
