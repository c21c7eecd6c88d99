"""The credits came back by themselves, the original is unharmed, and nothing is run unasked."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("photo", "p-2009")
desk.changed()
desk.says("how many credits", r"\b(5|five)\b")
desk.says("that they came back", r"\bback\b|return|refund|credited")
desk.says("that the original is unharmed", r"original")
desk.close()
