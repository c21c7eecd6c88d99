"""The balance and the date."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("credits", "u-3024")
desk.says_number("the balance", 22)
desk.says_date("until when", "2026-05-31")
desk.kept_to("u-3024")
desk.changed()
desk.close()
