"""A chargeback goes to billing, and nothing is paid back beside it."""

from check import Desk

desk = Desk()
desk.handed_over("billing")
desk.paid_nothing_back()
desk.kept_to("u-1011")
desk.close()
