"""Look at the order, then pay all of it back, once, and tell how much."""

from lumen import Lumen

desk = Lumen("u-1004")
desk.paid_back("o-5104", "9.99")
desk.kept_to("u-1004")
desk.close()
