"""A ticket for privacy, whose number the customer gets."""

from glowup import Glowup

desk = Glowup("u-3018")
desk.handed_over("privacy")
desk.kept_to("u-3018")
desk.close()
