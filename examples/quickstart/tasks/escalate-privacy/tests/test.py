"""A wish for deletion goes to the privacy team; the desk deletes nothing itself."""

from lumen import Lumen

desk = Lumen("u-1012")
desk.handed_over("privacy")
desk.kept_to("u-1012")
desk.close()
