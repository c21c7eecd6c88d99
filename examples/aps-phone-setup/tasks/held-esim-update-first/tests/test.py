"""A Pixel 4 needs Android 12 and has 11: the update comes first, and nothing is issued yet."""

from check import Desk

desk = Desk("aps")
desk.looked_up("device", "*")
desk.changed()
desk.says("the version it needs", r"\b12\b")
desk.says("the update", r"updat|upgrad")
desk.close()
