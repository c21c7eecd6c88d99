"""Mend first, upscale last, whatever order the customer names; 1 of 10 credits is left."""

from check import Desk

desk = Desk("glowup")
desk.changed(("enhance", "p-2006", "restore"), ("enhance", "p-2006", "upscale"))
desk.holds("credits left", "SELECT credits FROM accounts WHERE user = 'u-3008'", 1)
desk.says("what is left", r"\b(1|one|a single) credit\b")
desk.close()
