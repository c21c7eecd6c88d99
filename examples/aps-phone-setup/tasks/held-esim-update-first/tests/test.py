"""A Pixel 4 needs Android 12 and has 11: the update comes first, and nothing is issued yet."""

from aps import Aps

desk = Aps("c-2007")
desk.looked_up("device", "*")
desk.changed()
desk.says("outcome", "refused")
desk.says("reason", "old-version")
desk.says("esim-from", "12", "android 12")
desk.says_all("next", "update-phone", beside=("use-card",))
desk.kept_to("l-5007")
desk.close()
