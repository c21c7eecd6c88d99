"""The orders are found without their numbers, and the later one of the two is paid back."""

from glowup import Glowup

desk = Glowup("u-3010")
desk.looked_up_before(("order", "o-7103"), ("refund", "*"))
desk.changed(("refund", "o-7103"))
desk.says("outcome", "done")
desk.says("paid-back", "9.90")
desk.kept_to("u-3010")
desk.close()
