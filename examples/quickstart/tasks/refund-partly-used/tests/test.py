"""150 of 200 credits are unused, so 15.00 of 20.00 goes back, once."""

from lumen import Lumen

desk = Lumen("u-1006")
desk.paid_back("o-5106", "15.00")
desk.kept_to("u-1006")
desk.close()
