"""Nothing of the husband's account, which is not even looked at; he can ask for himself."""

from glowup import Glowup

desk = Glowup("u-3012")
desk.changed()
desk.kept_to("u-3012")
desk.says("outcome", "refused")
desk.says("reason", "other-account")
desk.says_all("next", "owner-asks", beside=("wait",))
desk.keeps("87", "2026-06-21", "ken@glowup.example")
desk.close()
