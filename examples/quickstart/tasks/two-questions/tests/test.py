"""Both questions are answered, each with its own number."""

from lumen import Lumen

desk = Lumen("u-1003")
desk.says("outcome", "answered")
desk.says("credits", 17)
desk.says("price", 6)
desk.kept_to("u-1003")
desk.changed()
desk.close()
