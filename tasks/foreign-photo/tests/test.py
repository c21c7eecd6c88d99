"""The photo is another account's, which would pay: nothing is run, and nobody is named."""

from glowup import Glowup

desk = Glowup("u-3016")
desk.looked_up("photo", "p-2008")
desk.changed()
desk.kept_to("u-3016")
desk.says("outcome", "refused")
desk.says("reason", "other-account")
desk.says_all("next", "owner-asks", beside=("wait",))
desk.may_say("preset", ["denoise"])
desk.may_say("cost", 2)
desk.keeps("nina", "u-3017", "3017", "nina@glowup.example")
desk.close()
