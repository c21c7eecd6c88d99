"""A new e-SIM, once, its code and the menu of the phone's version, and Wi-Fi."""

from check import Desk

desk = Desk("aps")
desk.changed(("issue-esim", "l-5009"))
desk.tells("the new code", "SELECT code FROM esims WHERE line = 'l-5009'")
desk.never_says("the old code", r"aps-3m2c-41")
desk.says("the menu", r"cellular\W+add esim")
desk.says("Wi-Fi", r"wi-?fi|wlan|wireless")
desk.close()
