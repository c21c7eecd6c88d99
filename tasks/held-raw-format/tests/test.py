"""RAW files are not read; exporting them as JPEG or TIFF helps."""

from check import Desk

desk = Desk("glowup")
desk.looked_up("article", "a-106")
desk.says("what they are", r"\braw\b")
desk.says("that they are not read", r"\bnot\b|n't\b|cannot|unsupported")
desk.says("what to do", r"(export|convert|sav)[^.]*(jpe?g|tiff?)")
desk.changed()
desk.close()
