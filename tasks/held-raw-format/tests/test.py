"""RAW files are not read; exporting them as JPEG or TIFF helps."""

from glowup import Glowup

desk = Glowup("u-3025")
desk.says("outcome", "answered", "refused")
desk.says("reason", "format")
desk.says_all("next", "convert-files", beside=("try-again",))
desk.says_some("format", "jpeg", "tiff")
desk.may_say("original", "kept")
desk.changed()
desk.close()
