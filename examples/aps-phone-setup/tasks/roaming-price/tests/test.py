"""Roaming is off; 5.00 a day in zone 2 on this plan; where it is turned on; nothing is sent."""

from aps import Aps

desk = Aps("c-2012")
desk.looked_up("diagnose", "l-5012")
desk.says("outcome", "answered")
desk.says("reason", "roaming-off")
desk.says("price", "5.00")
desk.says_menu("roaming")
desk.may_do("turn-on-roaming", "use-wifi")
desk.kept_to("l-5012")
desk.changed()
desk.close()
