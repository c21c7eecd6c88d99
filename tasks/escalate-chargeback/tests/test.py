"""A dispute is for billing: a ticket, and nothing is paid back beside it."""

from glowup import Glowup

desk = Glowup("u-3019")
desk.handed_over("billing")
desk.kept_to("u-3019")
desk.close()
