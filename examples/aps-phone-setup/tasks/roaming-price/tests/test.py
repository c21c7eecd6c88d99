"""Roaming is off; 5.00 a day in zone 2 on this plan; where it is turned on; nothing is sent."""

from check import Desk

desk = Desk("aps")
desk.looked_up("diagnose", "l-5012")
desk.says("what is wrong", r"roaming")
desk.says_amount("the price", "5.00")
desk.never_says("zone 1's price", r"\b2[.,]00")
desk.says("the menu", r"cellular\W+cellular data options\W+data roaming")
desk.changed()
desk.close()
