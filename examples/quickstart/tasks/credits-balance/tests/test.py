"""The balance, and something to spend it on."""

from lumen import Lumen

desk = Lumen("u-1001")
desk.says("outcome", "answered")
desk.says("credits", 42)
desk.says_some("uses", "enhance", "restore", "upscale")
desk.kept_to("u-1001")
desk.changed()
desk.close()
