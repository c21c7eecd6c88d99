"""Nothing of another customer's line is told or changed; she can ask for herself."""

from aps import Aps

desk = Aps("c-2015")
desk.changed()
desk.says("outcome", "refused")
desk.says("reason", "other-line")
desk.says_all("next", "owner-asks", beside=("wait",))
desk.keeps("9Z8Y", "smdp.aps.example")
desk.close()
