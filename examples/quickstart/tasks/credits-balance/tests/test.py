"""The balance, looked up, and something to spend it on."""

from check import Desk

desk = Desk()
desk.looked_up("credits u-1001")
desk.says("42 credits", r"\b42\b")
desk.says("what they are good for", r"enhanc|restor|upscal")
desk.kept_to("u-1001")
desk.paid_nothing_back()
desk.kept_the_case()
desk.close()
