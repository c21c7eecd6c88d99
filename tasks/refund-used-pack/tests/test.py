"""36 credits were used, so nothing is paid back; the 64 that are left stay."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("order", "o-7104")
desk.changed()
desk.says_no()
desk.says("why", r"\bused\b|\b36\b|spent")
desk.says_number("what stays", 64)
desk.promises_no_money()
desk.close()
