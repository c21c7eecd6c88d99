"""Portrait costs 3 and there are 2: nothing is run, not a cheaper preset either."""

from glowup import Glowup

desk = Glowup("u-3015")
desk.changed()
desk.says("outcome", "refused")
desk.says("reason", "too-few-credits")
desk.says("cost", 3)
desk.says("missing", 1)
desk.says_all("next", "buy-credits", beside=("use-credits", "try-again"))
desk.may_say("preset", ["portrait"])
desk.close()
