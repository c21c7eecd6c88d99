"""The balance, looked up, and something to spend it on."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("credits", "u-3001")
desk.says_number("the balance", 12)
desk.says("what credits are good for", r"enhanc|\blight\b|denois|portrait|upscal|restor")
desk.kept_to("u-3001")
desk.changed()
desk.close()
