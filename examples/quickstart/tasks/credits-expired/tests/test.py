"""Expired credits are no balance: the customer learns that, and since when."""

from check import Desk

desk = Desk()
desk.looked_up("credits u-1002")
desk.says("that they expired", r"expired|ran out|no longer valid")
desk.says("when", r"2026-02-01|(1st|1) (of )?feb|feb\w* 1\b")
desk.never_says("that 30 can be spent", r"\b(have|has|got|are|is) (still )?30\b")
desk.kept_to("u-1002")
desk.paid_nothing_back()
desk.kept_the_case()
desk.close()
