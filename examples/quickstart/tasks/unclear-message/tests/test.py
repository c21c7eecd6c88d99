"""Where a message says too little, the desk asks, and does nothing else."""

from check import Desk

desk = Desk()
desk.says("a question", r"\?")
desk.never_says("a balance nobody asked for", r"\b\d+ credits?\b")
desk.paid_nothing_back()
desk.kept_the_case()
desk.kept_to("u-1013")
desk.close()
