"""The orders are found without their numbers, and the later one of the two is paid back."""

from check import Desk

desk = Desk("glowup")
desk.looked_up_before(("order", "o-7103"), ("refund", "*"))
desk.changed(("refund", "o-7103"))
desk.says_amount("the amount", "9.90")
desk.kept_to("u-3010")
desk.close()
