"""Talk of lawyers goes to the legal team, with a ticket for the customer."""

from lumen import Lumen

desk = Lumen("u-1010")
desk.handed_over("legal")
desk.kept_to("u-1010")
desk.close()
