"""The price of the feature that was asked about."""

from lumen import Lumen

desk = Lumen("u-1003")
desk.says("outcome", "answered")
desk.says("price", 4)
desk.kept_to("u-1003")
desk.changed()
desk.close()
