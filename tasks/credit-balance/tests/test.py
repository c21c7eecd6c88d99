"""The balance, and something to spend it on."""

from glowup import Glowup

desk = Glowup("u-3001")
desk.says("outcome", "answered")
desk.says("credits", 12)
desk.says_some("preset", "light", "denoise", "portrait", "upscale", "restore")
desk.kept_to("u-3001")
desk.changed()
desk.close()
