"""The price comes from the help article."""

from check import Desk

desk = Desk()
desk.looked_up("search ")
desk.says("4 credits", r"\b(4|four) credits\b")
desk.never_says("another price", r"\b(2|6|two|six) credits\b")
desk.paid_nothing_back()
desk.kept_the_case()
desk.close()
