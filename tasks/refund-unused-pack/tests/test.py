"""Look at the order, pay it back, once, and tell how much."""

from glowup import Glowup

desk = Glowup("u-3009")
desk.looked_up_before(("order", "o-7101"), ("refund", "o-7101"))
desk.changed(("refund", "o-7101"))
desk.holds("the order", "SELECT state FROM orders WHERE id = 'o-7101'", "paid back")
desk.says("outcome", "done")
desk.says("paid-back", "9.99")
desk.close()
