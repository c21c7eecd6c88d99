"""Look at the order, pay it back, once, and tell how much."""

from check import Desk

desk = Desk("glowup")
desk.looked_up_before(("order", "o-7101"), ("refund", "o-7101"))
desk.changed(("refund", "o-7101"))
desk.holds("the order", "SELECT state FROM orders WHERE id = 'o-7101'", "paid back")
desk.says_amount("the amount", "9.99")
desk.close()
