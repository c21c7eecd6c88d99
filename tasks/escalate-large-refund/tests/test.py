"""Within the rules, but above 50.00: billing decides, and the desk pays nothing back."""

from glowup import Glowup

desk = Glowup("u-3020")
desk.looked_up_before(("order", "o-7106"), ("escalate", "*"))
desk.may_say("reason", "too-large")
desk.handed_over("billing")
desk.kept_to("u-3020")
desk.close()
