"""150 of 200 credits are unused, so 15.00 of 20.00 goes back, once."""

from check import Desk

desk = Desk()
desk.paid_back(15.00, "o-5106", after="order")
desk.says("the amount", r"\b15\b")
desk.kept_to("u-1006")
desk.kept_the_case()
desk.close()
