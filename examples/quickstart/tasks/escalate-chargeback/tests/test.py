"""A chargeback goes to billing, and nothing is paid back beside it."""

from lumen import Lumen

desk = Lumen("u-1011")
desk.handed_over("billing")
desk.kept_to("u-1011")
desk.close()
