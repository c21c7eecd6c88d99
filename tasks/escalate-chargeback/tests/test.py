"""A dispute is for billing: a ticket, and nothing is paid back beside it."""

from check import Desk

desk = Desk("glowup")
desk.handed_over("billing")
desk.never_says("that it was paid back", r"(i've|i have|has been|have been) (refunded|paid back)")
desk.close()
