"""Look at the order, then pay all of it back, once, and tell how much."""

from check import Desk

desk = Desk()
desk.paid_back(9.99, "o-5104", after="order")
desk.says("the amount", r"9[.,]99")
desk.kept_to("u-1004")
desk.kept_the_case()
desk.close()
