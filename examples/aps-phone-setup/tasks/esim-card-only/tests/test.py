"""An iPhone 8 takes cards only: no e-SIM is issued, and the customer hears why."""

from check import Desk

desk = Desk("aps")
desk.looked_up("device", "*")
desk.changed()
desk.says("which phone", r"iphone 8")
desk.says_no()
desk.says(
    "what stays", r"\bcards?\b|physical sim|another phone|newer (phone|iphone)|different phone"
)
desk.close()
