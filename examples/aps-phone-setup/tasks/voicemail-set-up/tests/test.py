"""Set up, once; the number to call, and the PIN that is chosen at the first call."""

from check import Desk

desk = Desk("aps")
desk.changed(("set-up-voicemail", "l-5010"))
desk.says_number("the number", 121)
desk.says("the PIN", r"\bpin\b")
desk.close()
