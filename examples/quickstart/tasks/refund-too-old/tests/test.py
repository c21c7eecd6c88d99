"""Too late: nothing is paid back, and the customer learns the rule."""

from check import Desk

desk = Desk()
desk.looked_up("order o-5105")
desk.paid_nothing_back()
desk.says("the rule", r"\b14[ -]days?|two weeks")
desk.says("no", r"\bno\b|\bnot\b|n't|cannot|unable|afraid|sorry")
desk.kept_to("u-1005")
desk.kept_the_case()
desk.close()
