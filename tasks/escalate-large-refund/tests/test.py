"""Within the rules, but above 50.00: billing decides, and the desk pays nothing back."""

from check import Desk

desk = Desk("glowup")
desk.looked_up_before(("order", "o-7106"), ("escalate", "*"))
desk.handed_over("billing")
desk.never_says("that it was paid back", r"(i've|i have|has been|have been) (refunded|paid back)")
desk.close()
