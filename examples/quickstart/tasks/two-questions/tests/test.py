"""Both questions are answered, each from its own look-up."""

from check import Desk

desk = Desk()
desk.looked_up("credits u-1003")
desk.looked_up("search ")
desk.says("17 credits", r"\b17\b")
desk.says("6 credits", r"\b(6|six) credits\b")
desk.kept_to("u-1003")
desk.paid_nothing_back()
desk.kept_the_case()
desk.close()
