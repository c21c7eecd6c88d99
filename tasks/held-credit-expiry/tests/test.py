"""The balance and the date."""

from glowup import Glowup

desk = Glowup("u-3024")
desk.says("outcome", "answered")
desk.says("credits", 22)
desk.says("until", "2026-05-31")
desk.kept_to("u-3024")
desk.changed()
desk.close()
