"""The menu, the server and the code of the e-SIM that is ready; no new one is issued."""

from check import Desk

desk = Desk("aps")
desk.says("the menu", r"cellular\W+add esim")
desk.says("entering by hand", r"enter details manually")
desk.says("the server", r"smdp\.aps\.example")
desk.says("the code", r"aps-7q4k-22")
desk.changed()
desk.close()
