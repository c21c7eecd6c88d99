"""One short question, and nothing is done on a guess."""

from glowup import Glowup

desk = Glowup("u-3014")
desk.says("outcome", "asked")
desk.says_some("ask", "photo", "problem", beside=("order",))
desk.kept_to("u-3014")
desk.changed()
desk.close()
