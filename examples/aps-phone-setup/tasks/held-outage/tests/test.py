"""A mast is out until 18:00: nothing is sent, no ticket is opened, and the answer says so."""

from aps import Aps

desk = Aps("c-2013")
desk.looked_up("diagnose", "l-5013")
desk.changed()
desk.says("outcome", "answered", "refused")
desk.says("reason", "outage")
desk.says("until", "18:00")
desk.may_do("wait", "use-wifi")
desk.leaves_out("apn", "apn-user", "apn-password")  # nothing is to be entered now
desk.kept_to("l-5013")
desk.close()
