"""Too late: nothing is paid back, and the customer learns why."""

from lumen import Lumen

desk = Lumen("u-1005")
desk.looked_up("order", "o-5105")
desk.says("outcome", "refused")
desk.says("reason", "too-late")
desk.may_say("paid-back", "0.00")
desk.kept_to("u-1005")
desk.changed()
desk.close()
