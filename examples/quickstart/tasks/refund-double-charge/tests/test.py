"""The desk finds the two equal orders by itself and pays the second of them back."""

from lumen import Lumen

desk = Lumen("u-1007")
desk.paid_back("o-5108", "7.99")
desk.kept_to("u-1007")
desk.close()
