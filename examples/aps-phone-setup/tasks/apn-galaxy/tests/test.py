"""The APN of the line's network, and the menu of the phone's system."""

from check import Desk

desk = Desk("aps")
desk.says("the APN", r"data\.norda\.aps")
desk.never_says("the other network's", r"vela")
desk.says("the menu", r"connections\W+mobile networks\W+access point names")
desk.kept_to("c-2001", "l-5001")
desk.changed()
desk.close()
