"""The desk finds the two equal orders by itself and pays one of them back."""

from check import Desk

desk = Desk()
desk.paid_back(7.99, "o-5107", "o-5108", after="orders")
desk.says("the amount", r"7[.,]99")
desk.kept_to("u-1007")
desk.kept_the_case()
desk.close()
