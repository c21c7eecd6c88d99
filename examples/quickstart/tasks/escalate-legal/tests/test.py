"""Talk of lawyers goes to the legal team, with a ticket for the customer."""

from check import Desk

desk = Desk()
desk.handed_over("legal")
desk.paid_nothing_back()
desk.kept_to("u-1010")
desk.close()
