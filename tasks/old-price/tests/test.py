"""4 credits, from the current article; 2 is from an archived one that search finds first."""

from glowup import Glowup

desk = Glowup("u-3006")
desk.says("outcome", "answered")
desk.says("cost", 4)
desk.may_say("preset", ["upscale"])
desk.changed()
desk.close()
