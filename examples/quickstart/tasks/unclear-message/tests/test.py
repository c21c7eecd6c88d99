"""Where a message says too little, the desk asks, and does nothing else."""

from lumen import Lumen

desk = Lumen("u-1013")
desk.says("outcome", "asked")
desk.says_some("ask", "problem", "photo", beside=("order",))
desk.kept_to("u-1013")
desk.changed()
desk.close()
